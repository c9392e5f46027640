import Drivers
import Metering

/// `han status`.
extension HanLink {
    func statusJSON(at moment: Moment) -> JSONValue {
        var status: JSONObject = [
            "device": .string(settings.device), "adapter": .string(adapterWord),
            "why": JSONValue(downText ?? (isDumb ? "the adapter does not answer" : nil)),
            "state": .string(group.rawValue), "status": .string(join.text),
        ]
        status["mac"] = JSONValue(readings.device?.device?.text ?? readings.connection?.device?.text)
        status["radio"] = radio
        status["hardware"] = hardware
        status["install_code"] = .string(installCodeWord)
        status["bind"] = bindStatus(at: moment).result
        status["meter"] = JSONValue(settings.meter?.text)
        status["han_meter"] = JSONValue(readings.meter?.text)
        status["demand"] = demand
        status["summation"] = summation
        status["price"] = price
        status["message"] = message
        status["time"] = time
        status["drift"] = driftJSON
        status["counters"] = [
            "fragments": .integer(fragments), "damaged": .integer(damage), "timeouts": JSONValue(session.timeouts),
            "warnings": .integer(warnings),
        ]
        return .object(status)
    }

    private var adapterWord: String { downText != nil ? "down" : isDumb ? "silent" : "up" }

    private var installCodeWord: String {
        guard settings.hasInstallCode else { return "none" }
        return switch readings.device?.installCodeMatches {
        case true: "matches"
        case false: "differs"
        case nil: "unknown"
        }
    }

    private var radio: JSONValue {
        guard let connection = readings.connection else { return .null }
        return [
            "coordinator": JSONValue(connection.coordinator?.text), "channel": JSONValue(connection.channel),
            "link_strength": JSONValue(connection.linkStrength), "description": JSONValue(connection.description),
        ]
    }

    private var hardware: JSONValue {
        guard let device = readings.device else { return .null }
        return [
            "manufacturer": JSONValue(device.manufacturer), "model": JSONValue(device.model),
            "firmware": JSONValue(device.firmware), "hardware": JSONValue(device.hardware),
        ]
    }

    private var demand: JSONValue {
        guard let demand = readings.demand else { return .null }
        return ["value": Self.text(demand.value.kilowatts), "unit": "kW", "at": .string(demand.at.text)]
    }

    private var summation: JSONValue {
        guard let summation = readings.summation else { return .null }
        return [
            "delivered": Self.text(summation.value.delivered), "received": Self.text(summation.value.received),
            "unit": "kWh", "at": .string(summation.at.text),
        ]
    }

    private var price: JSONValue {
        guard let price = readings.price else { return .null }
        return [
            "value": Self.text(price.value.price), "currency": JSONValue(price.value.currency),
            "tier": JSONValue(price.value.tier), "label": JSONValue(price.value.label), "at": .string(price.at.text),
        ]
    }

    private var message: JSONValue {
        guard let message = readings.message, !message.value.text.isEmpty else { return .null }
        return [
            "id": JSONValue(message.value.id.map { String($0, radix: 16) }), "text": .string(message.value.text),
            "confirm": .bool(message.value.mustConfirm && !message.value.isConfirmed), "at": .string(message.at.text),
        ]
    }

    private var time: JSONValue {
        guard let clock = readings.clock, let utc = clock.value.utc else { return .null }
        return ["utc": .string(utc.textSeconds), "offset_s": .integer((utc - clock.at).flooredQuotient(by: 1000))]
    }

    private var driftJSON: JSONValue {
        guard let pair = drift.last else { return .null }
        var object: JSONObject = ["han_wh": .integer(pair.han), "meter_wh": .integer(pair.meter)]
        if let result = drift.result {
            for (name, value) in describe(result).members where name != "message" { object[name] = value }
        }
        object["drifting"] = .bool(drift.isDrifting)
        return .object(object)
    }

    private static func text(_ value: Result<DecimalValue, MissingValue>) -> JSONValue {
        if case .success(let number) = value { .string(number.text) } else { .null }
    }
}
