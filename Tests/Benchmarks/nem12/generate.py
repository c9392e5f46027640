"""A NEM12 file of 5-minute kWh data, the same for every run: households by day, some solar, values of mixed length."""

import datetime
import random
import sys


def values(random_, base):
    """288 texts: a base load, a morning and an evening peak, an appliance now and then."""
    out = []
    for slot in range(288):
        hour = slot / 12
        level = base * (2.2 if 6 <= hour < 9 else 3.0 if 17 <= hour < 22 else 1.0)
        watt_hours = int(level * random_.uniform(0.6, 1.4))
        if random_.random() < 0.03:
            watt_hours += random_.randrange(80, 400)
        if random_.random() < 0.002:
            watt_hours += random_.randrange(1000, 20000)
        out.append("%d.%03d" % divmod(watt_hours, 1000))
    return out


def main(path, nmis, days):
    random_ = random.Random(12)
    first = datetime.date(2025, 1, 1)
    # Days are drawn from a pool: writing ten million numbers one by one would take Python a while.
    pool = [",".join(values(random_, random_.randrange(8, 60))) for _ in range(2000)]
    with open(path, "w", newline="") as file:
        file.write("100,NEM12,202601010000,MDP1,RET1\r\n")
        for number in range(nmis):
            file.write(f"200,NEM{number:07d},E1,1,E1,N1,MET{number:06d},kWh,5,\r\n")
            for offset in range(days):
                date = (first + datetime.timedelta(offset)).strftime("%Y%m%d")
                file.write(f"300,{date},{random_.choice(pool)},A,,,{date}235959,\r\n")
        file.write("900\r\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
