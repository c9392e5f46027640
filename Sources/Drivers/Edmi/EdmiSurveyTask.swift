import Metering

/// Reads a stretch of the load survey, one bounded exchange at a time; a live poll may go between any two.
///
/// `after` is exclusive, `through` inclusive, both in the meter's own standard time; nil for as far as the meter goes.
/// Take what is there with `takeRecords` after every exchange. A task that is given up can be continued by a new one
/// with `startRecord: nextRecord`.
public struct EdmiSurveyTask: EdmiTask, Hashable {
    private enum Reader: Hashable {
        case genius(GeniusSurvey)
        case atlas(AtlasSurvey)
    }

    public var progress = EdmiTaskProgress()
    private let order: EdmiSurveyOrder
    private var reader: Reader?

    /// `survey`: 1…10 (Genius), 1…2 (Atlas). `layout`: what an earlier task of the same survey found out.
    public init(
        survey: Int, after: CivilTime?, through: CivilTime?, layout: EdmiSurveyLayout? = nil, startRecord: Int64? = nil
    ) {
        order = EdmiSurveyOrder(
            survey: survey, after: after, through: through,
            layout: layout?.survey == survey ? layout : nil, startRecord: startRecord)
    }

    /// What the survey holds, once known.
    public var layout: EdmiSurveyLayout? {
        switch reader {
        case nil: order.layout
        case .genius(let survey): survey.layout
        case .atlas(let survey): survey.layout
        }
    }

    /// The record a later task should start from; nil before the meter was asked.
    public var nextRecord: Int64? {
        switch reader {
        case nil: order.startRecord
        case .genius(let survey): survey.cursor?.resumePoint
        case .atlas(let survey): survey.cursor?.resumePoint
        }
    }

    public var failure: EdmiFailure? {
        switch reader {
        case nil: nil
        case .genius(let survey): survey.failure
        case .atlas(let survey): survey.failure
        }
    }

    /// Takes out the records that are there, oldest first; each is given once.
    public mutating func takeRecords() -> [EdmiSurveyRecord] {
        var records: [EdmiSurveyRecord]?
        change { records = $0.cursor?.takeConfirmed() }
        return records ?? []
    }

    public mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand? {
        if reader == nil {
            reader = facts.dialect == .genius ? .genius(GeniusSurvey(order)) : .atlas(AtlasSurvey(order))
        }
        var command: EdmiCommand?
        change { command = $0.failure == nil ? $0.command(&facts) : nil }
        return command
    }

    public mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool {
        var fits = false
        change { fits = $0.receive(data, &facts) }
        return fits
    }

    public mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts) {
        change { $0.refuse(refusal, &facts) }
    }

    private mutating func change(_ body: (inout any EdmiSurveyReader) -> Void) {
        var inner: any EdmiSurveyReader
        switch reader {
        case nil: return
        case .genius(let survey): inner = survey
        case .atlas(let survey): inner = survey
        }
        reader = nil
        body(&inner)
        if let survey = inner as? GeniusSurvey { reader = .genius(survey) }
        if let survey = inner as? AtlasSurvey { reader = .atlas(survey) }
    }
}

/// What is wanted of a survey.
struct EdmiSurveyOrder: Hashable, Sendable {
    var survey: Int
    var after: CivilTime?
    var through: CivilTime?
    var layout: EdmiSurveyLayout?
    var startRecord: Int64?
}

/// The part of a survey task that knows a dialect.
protocol EdmiSurveyReader: Sendable {
    var cursor: EdmiSurveyCursor? { get set }
    var failure: EdmiFailure? { get }
    mutating func command(_ facts: inout EdmiFacts) -> EdmiCommand?
    mutating func receive(_ data: ArraySlice<UInt8>, _ facts: inout EdmiFacts) -> Bool
    mutating func refuse(_ refusal: EdmiRefusal, _ facts: inout EdmiFacts)
}

extension EdmiRegisterReader {
    /// Why a task that needs the `index`th register cannot go on.
    func failure(_ index: Int, _ what: String) -> EdmiFailure {
        guard case .failure(let missing)? = items[index].result else {
            return .malformed("\(what) has an impossible value")
        }
        return switch missing.reason {
        case .notPresent: .refused(.registerNotFound)
        case .refused: .refused(.accessDenied)
        default: .malformed("\(what) cannot be read")
        }
    }
}
