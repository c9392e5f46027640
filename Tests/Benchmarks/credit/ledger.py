"""The same ledger written plainly in Python: Decimal money with carried remainders, bands by local time, VAT, standing
charges at local midnight, emergency credit that selects itself, suspended standing charges, payments that repay, the
warnings, a record of everything that happened, and the supply decision after each half hour. Prints nanoseconds for a
half hour and the registers, which must be those of the other program to the micro-unit."""
import sys
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import ROUND_FLOOR, Decimal
from zoneinfo import ZoneInfo

D = Decimal
ZERO, ONE = D(0), D(1)
VAT, STANDING = D("0.05"), D(400000)
LIMIT, OFFER, WARN = D(5000000), D(1000000), D(2000000)
BANDS = {"peak": D(300000), "off": D(100000)}


@dataclass
class Record:
    at: datetime
    kind: str
    lines: list
    change: dict
    balance: Decimal


@dataclass
class Ledger:
    zone: ZoneInfo
    balance: Decimal = D(20000000)
    used: Decimal = ZERO
    accumulated: Decimal = ZERO
    carried: dict = field(default_factory=lambda: {"peak": ZERO, "off": ZERO, "vat": ZERO})
    offered: bool = False
    selected: bool = False
    low: bool = False
    exhausted: bool = False
    supply: str = "connected"
    reason: str = ""
    notice: datetime = None
    payments: dict = field(default_factory=dict)
    records: list = field(default_factory=list)

    def carry(self, name, exact):
        exact += self.carried[name]
        whole = exact.quantize(ONE, rounding=ROUND_FLOOR)
        self.carried[name] = exact - whole
        return whole

    @property
    def usable(self):
        return self.balance > 0 or self.selected and self.used < LIMIT

    def record(self, at, kind, lines=(), **change):
        self.records.append(Record(at, kind, list(lines), change, self.balance))

    def take(self, at, kind, lines, suspended):
        amount = sum((line[1] for line in lines), ZERO)
        after = self.balance - amount
        if not self.selected and self.used == 0 and amount > 0 and (after < OFFER or after <= 0):
            self.record(at, "emergency.offered")
            self.record(at, "emergency.selected")
            self.offered, self.selected = False, True
        covered = min(amount, max(ZERO, self.balance))
        rest = amount - covered
        if suspended:
            self.balance -= covered
            self.accumulated += rest
            self.record(at, kind, lines, balance=-covered, accumulated=rest)
        else:
            lent = min(rest, LIMIT - self.used) if self.selected else ZERO
            self.used += lent
            self.balance -= amount - lent
            self.record(at, kind, lines, balance=lent - amount, emergency=lent)
        self.settle(at)

    def settle(self, at):
        if self.selected and self.used == 0 and self.balance >= OFFER:
            self.selected = False
            self.record(at, "emergency.repaid")
        available = self.balance + (LIMIT - self.used if self.selected else ZERO)
        if (available < WARN) != self.low:
            self.low = not self.low
            self.record(at, "low" if self.low else "recovered")
        if self.usable == self.exhausted:
            self.exhausted = not self.usable
            self.record(at, "exhausted" if self.exhausted else "usable")

    def band(self, end):
        local = (end - timedelta(microseconds=1)).astimezone(self.zone)
        return "peak" if 15 <= local.hour < 21 else "off"

    def use(self, end, watt_hours):
        name = self.band(end)
        net = self.carry(name, BANDS[name] * watt_hours / 1000)
        vat = self.carry("vat", net * VAT)
        self.take(end, "energy", [(name, net, watt_hours, BANDS[name]), ("vat", vat)], False)

    def midnight(self, at):
        self.take(at, "standing", [("standing", STANDING), ("vat", self.carry("vat", STANDING * VAT))], True)

    def pay(self, at, number, amount):
        assert number not in self.payments
        self.payments[number] = amount
        debt = min(amount, self.accumulated)
        used = min(amount - debt, self.used)
        self.accumulated -= debt
        self.used -= used
        self.balance += amount - debt - used
        self.record(at, "payment", accumulated=-debt, emergency=-used, balance=amount - debt - used)
        self.settle(at)

    def protected(self, at):
        local = at.astimezone(self.zone)
        if local.month == 12 and local.day >= 20 or local.weekday() >= 4:
            return True
        return local.hour >= 15 or local.hour < 8

    def decide(self, at):
        if self.usable:
            decision = ("connected", "emergency_credit" if self.balance <= 0 else "credit")
        elif self.protected(at):
            decision = (self.supply, "friendly_period")
        else:
            decision = (self.supply, "protected") if self.notice and at < self.notice else ("disconnected", "exhausted")
        if decision != (self.supply, self.reason):
            self.reason = decision[1]
            self.record(at, "decided")


steps = int(sys.argv[1])
ledger = Ledger(ZoneInfo("UTC"))
at = datetime(2026, 3, 2, tzinfo=timezone.utc)
half_hour = timedelta(minutes=30)
payments = 0
began = time.process_time()
for step in range(steps):
    at += half_hour
    local = at.astimezone(ledger.zone)
    if local.hour == 0 and local.minute == 0:
        ledger.midnight(at)
    watt_hours = step * 37 % 701
    if watt_hours:
        ledger.use(at, D(watt_hours))
    ledger.decide(at)
    if ledger.balance < -1000000:
        payments += 1
        ledger.pay(at, payments, D(20000000))
        ledger.decide(at)
    if len(ledger.records) > 1000:
        ledger.records.clear()
passed = time.process_time() - began
print(passed / steps * 1e9, ledger.balance, ledger.used, ledger.accumulated)
