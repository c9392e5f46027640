import Drivers
import Metering
import Testing

@Suite struct HanDecoderTests {
    private func demand(_ raw: String, multiplier: String = "0x1", divisor: String = "0x3E8") -> String? {
        HanText.read(
            HanText.fragment(
                "InstantaneousDemand", [("Demand", raw), ("Multiplier", multiplier), ("Divisor", divisor)])
        ).fragments.first?.kilowatts
    }

    private func summation(_ raw: String, multiplier: String = "0x1", divisor: String = "0x3E8") -> String? {
        HanText.read(
            HanText.fragment(
                "CurrentSummationDelivered",
                [("SummationDelivered", raw), ("Multiplier", multiplier), ("Divisor", divisor)])
        ).fragments.first?.delivered
    }

    @Test func demand_ofTheManualAndTheField_isExact() {
        #expect(demand("0x001738") == "5.944")
        #expect(demand("0xfffffc18") == "-1")
        #expect(demand("0xFFFC18") == "-1")
        #expect(demand("0x10", multiplier: "0x0", divisor: "0x0") == "16")
        #expect(demand("0x1E240", multiplier: "0x2", divisor: "0x2710") == "24.6912")
        #expect(demand("123456", multiplier: "2", divisor: "10000") == "24.6912")
        // Not in 6 or 8 digits: no sign.
        #expect(demand("0xFFFF") == "65.535")
        #expect(demand("0x7FFFFF") == "8388.607")
    }

    @Test func demand_thatIsNoValue_isMissing() {
        #expect(demand("0x800000") == nil)
        #expect(demand("0xff800000") == nil)
        #expect(demand("") == nil)
        #expect(demand("0x") == nil)
        #expect(demand("0x12G4") == nil)
        #expect(demand("0x00112233445566778899") == nil)
        #expect(demand("5", multiplier: "?") == nil)
    }

    @Test func summation_isUnsignedToItsFullWidth() {
        #expect(summation("0x0000000000bc1d5a") == "12328.282")
        #expect(summation("0xFFFFFFFFFFFE") == "281474976710.654")
        #expect(summation("0xFFFFFFFFFFFF") == nil)
        #expect(summation("0xFFFFFFFF") == "4294967.295")
        // 10^18 or more is no reading.
        #expect(summation("0xFFFFFFFFFFF0", multiplier: "0xFFFFFF", divisor: "0x1") == nil)
    }

    @Test func scale_withADivisorThatDoesNotEnd_isCutOff() {
        #expect(HanScale.value(10, multiplier: 1, divisor: 3)?.text == "3.333333333")
        #expect(HanScale.value(-10, multiplier: 1, divisor: 3)?.text == "-3.333333333")
        #expect(HanScale.value(9, multiplier: 2, divisor: 6)?.text == "3")
        #expect(HanScale.value(1, multiplier: 1, divisor: 8)?.text == "0.125")
        #expect(HanScale.value(1, multiplier: 1, divisor: 3600)?.text == "0.000277777")
        #expect(HanScale.value(Int64.max, multiplier: UInt64.max, divisor: 1) == nil)
    }

    @Test func time_countsFrom2000AndKnowsNone() {
        func times(_ utc: String, _ local: String = "0xffffff") -> HanClock? {
            let text = HanText.fragment("TimeCluster", [("UTCTime", utc), ("LocalTime", local)])
            if case .time(let clock) = HanText.read(text).fragments.first { return clock }
            return nil
        }
        #expect(times("0x185ADC1D")?.utc?.textSeconds == "2012-12-12T06:09:33Z")
        #expect(times("0x29BD58A7")?.utc?.textSeconds == "2022-03-11T00:47:35Z")
        #expect(times("0xFFFFFFFF")?.utc == nil)
        #expect(times("0x185ADC1D")?.local == nil)
    }

    @Test func connection_keepsEveryStatusAndItsGroup() {
        let groups: [(String, HanJoinState.Group)] = [
            ("Initializing", .searching), ("Network Discovery", .searching), ("Joining", .joining),
            ("Join: Fail", .failed), ("Join: Success", .joining), ("Authenticating", .authenticating),
            ("Authenticating: Success", .authenticating), ("Authenticating: Fail", .failed), ("Connected", .bound),
            ("Disconnected", .lost), ("Rejoining", .lost), ("Sulking", .unknown),
        ]
        for (text, group) in groups {
            for root in ["ConnectionStatus", "NetworkInfo"] {
                let fragment = HanText.fragment(
                    root,
                    [
                        ("DeviceMacId", "0x00158d0000000004"), ("CoordMacId", "0x00178d0000000004"), ("Status", text),
                        ("Description", "x"), ("StatusCode", ""), ("ExtPanId", "0x1"), ("Channel", "20"),
                        ("ShortAddr", "0xe1aa"), ("LinkStrength", "0x64"),
                    ])
                guard case .connection(let connection) = HanText.read(fragment).fragments.first else {
                    Issue.record("\(text): no connection")
                    continue
                }
                #expect(connection.state.text == text)
                #expect(connection.state.group == group)
                #expect(connection.coordinator?.text == "00178d0000000004")
                #expect(connection.channel == 20)
                #expect(connection.linkStrength == 100)
                #expect(connection.statusCode == nil)
                #expect(connection.shortAddress == 0xE1AA)
            }
        }
    }

    @Test func deviceInfo_losesItsSecretsAndSaysWhetherTheyFit() throws {
        let code = try InstallCode("2CF02603038D9582")
        func read(_ printed: String) throws -> HanDevice {
            let text = HanText.fragment(
                "DeviceInfo",
                [
                    ("DeviceMacId", "0xd8d5b90000000001"), ("InstallCode", printed),
                    ("LinkKey", "0x419bfc53fa83323a0824353f638e46f6"), ("FWVersion", "2.0.0 (7400)"),
                    ("HWVersion", "2.7.3"), ("ImageType", "0x2201"), ("Manufacturer", "Rainforest Automation, Inc."),
                    ("ModelId", "Z109-EMU2"), ("DateCode", "ÿÿÿÿ"),
                ])
            let fragment = try #require(HanText.read(text, installCode: code).fragments.first)
            let everything = String(reflecting: fragment).lowercased()
            #expect(!everything.contains("2cf02603") && !everything.contains("419bfc53"))
            guard case .device(let device) = fragment else { throw Missing() }
            return device
        }
        #expect(try read("0x2cf02603038d9582").installCodeMatches == true)
        #expect(try read("0x2cf02603038d").installCodeMatches == true)
        #expect(try read("0x83fed3407a932b70").installCodeMatches == false)
        #expect(try read("").installCodeMatches == nil)
        #expect(try read("0x2cf02603038d9582").model == "Z109-EMU2")
    }

    private struct Missing: Error {}

    @Test func price_message_schedule_meterInfo_areRead() {
        let text =
            HanText.fragment(
                "PriceCluster",
                [
                    ("TimeStamp", "0x296B2D39"), ("Price", "0x18"), ("Currency", "0x348"), ("TrailingDigits", "0x02"),
                    ("Tier", "0x08"), ("TierLabel", "Set by User"),
                ])
            + HanText.fragment("PriceCluster", [("Price", "0xffffffff"), ("TrailingDigits", "0x00")])
            + HanText.fragment(
                "MessageCluster",
                [
                    ("Id", "0x2A"), ("Text", "Peak tonight"), ("ConfirmationRequired", "Y"), ("Confirmed", "N"),
                    ("Queue", "Active"),
                ])
            + HanText.fragment("ScheduleInfo", [("Event", "summation"), ("Frequency", "0x012c"), ("Enabled", "Y")])
            + HanText.fragment("MeterInfo", [("MeterType", "0x0000"), ("Enabled", "Y")])
            + HanText.fragment(
                "CurrentPeriodUsage", [("CurrentUsage", "0x10"), ("Multiplier", "1"), ("Divisor", "1000")])
            + HanText.fragment("Warning", [("Text", "Unknown command")])
        let fragments = HanText.read(text).fragments
        #expect(fragments.count == 7)
        guard case .price(let price) = fragments[0], case .price(let none) = fragments[1],
            case .message(let message) = fragments[2], case .schedule(let schedule) = fragments[3],
            case .meterInfo(let meter) = fragments[4], case .period(let period) = fragments[5],
            case .warning(let warning) = fragments[6]
        else {
            Issue.record("\(fragments)")
            return
        }
        #expect((try? price.price.get())?.text == "0.24")
        #expect(price.currency == 840 && price.tier == 8 && price.label == "Set by User")
        #expect(none.price == .failure(MissingValue(.invalid)))
        #expect(message.id == 42 && message.text == "Peak tonight" && message.mustConfirm && !message.isConfirmed)
        #expect(schedule.event == "summation" && schedule.frequency == 300 && schedule.isEnabled)
        #expect(meter.type == "0x0000" && meter.isEnabled == true)
        #expect((try? period.usage.get())?.text == "0.016" && !period.isLast)
        #expect(warning == "Unknown command")
    }

    @Test func meterList_andProfile_holdSeveral() {
        let list = HanText.fragment(
            "MeterList",
            [
                ("DeviceMacId", "0x0123456789abcdef"), ("MeterMacId", "0xfedcba9876543210"),
                ("MeterMacId", "0xfedcba0123456789"),
            ])
        let profile = HanText.fragment(
            "ProfileData",
            [
                ("EndTime", "0x185adc1d"), ("Status", "0x00"), ("ProfileIntervalPeriod", "3"),
                ("IntervalData1", "0x000010"),
                ("IntervalData2", "0xffffff"), ("IntervalData3", "0x000012"),
            ])
        let fragments = HanText.read(list + profile).fragments
        guard case .meterList(let meters) = fragments[0], case .profile(let data) = fragments[1] else {
            Issue.record("\(fragments)")
            return
        }
        #expect(meters.meters.map(\.text) == ["fedcba9876543210", "fedcba0123456789"])
        #expect(data.intervals == [16, nil, 18])
        #expect(data.intervalPeriod == 3 && data.status == 0)
    }
}
