"""The same work by others: from file to intervals, 30-minute totals and time-of-use charge. None of them validates.

Usage: peers.py numpy|duckdb|polars|nemreader FILE. Prints the result, then the seconds after the imports."""

import sys
import time

PEAK, OFF_PEAK = 412000, 179500  # micro-units of money for a kWh


def show(values, halves, half_sum, peak, off_peak, start):
    """Energies in Wh."""
    money = peak * PEAK // 1000 + off_peak * OFF_PEAK // 1000
    print(f"{values} values, {halves} half hours, {half_sum} Wh, {money} micro")
    print(f"{time.process_time() - start:.3f}")


def with_numpy(path):
    import numpy as np

    start = time.process_time()
    dates, texts = [], []
    with open(path) as file:
        for line in file:
            if line.startswith("300"):
                dates.append(f"{line[4:8]}-{line[8:10]}-{line[10:12]}")
                texts.append(line[13 : line.index(",A,")])
    watt_hours = np.empty((len(texts), 288), dtype=np.int64)
    for row, text in enumerate(texts):
        watt_hours[row] = np.rint(np.fromstring(text, dtype=np.float64, sep=",") * 1000)
    halves = watt_hours.reshape(len(texts), 48, 6).sum(axis=2)
    weekday = (np.array(dates, dtype="datetime64[D]").astype(np.int64) + 3) % 7
    hour = np.arange(48) // 2
    is_peak = (weekday < 5)[:, None] & ((hour >= 15) & (hour < 21))[None, :]
    peak = int(halves[is_peak].sum())
    show(watt_hours.size, halves.size, int(halves.sum()), peak, int(halves.sum()) - peak, start)


def with_duckdb(path):
    import duckdb

    start = time.process_time()
    database = duckdb.connect()
    database.execute("SET threads = 1")
    row = database.execute(
        """
        WITH lines AS (
            SELECT string_split(line, ',') AS f FROM read_csv(?, delim = '\x01', header = false, quote = '',
                columns = {'line': 'VARCHAR'}) WHERE line LIKE '300,%'),
        slots AS (
            SELECT strptime(f[2], '%Y%m%d')::DATE AS day, unnest(f[3:290]) AS text, unnest(range(288)) AS slot
            FROM lines),
        halves AS (
            SELECT day, slot // 6 AS half, line, sum(wh) AS wh, count(*) AS n FROM (
                SELECT day, slot, (text::DECIMAL(12, 3) * 1000)::BIGINT AS wh,
                    (row_number() OVER () - 1) // 288 AS line FROM slots)
            GROUP BY ALL)
        SELECT sum(n)::BIGINT, count(*), sum(wh)::BIGINT,
            sum(wh) FILTER (isodow(day) <= 5 AND half >= 30 AND half < 42)::BIGINT FROM halves
        """,
        [path],
    ).fetchone()
    values, halves, total, peak = (int(number) for number in row)
    show(values, halves, total, peak, total - peak, start)


def with_polars(path):
    import polars as pl

    start = time.process_time()
    slots = (
        pl.scan_csv(path, separator="\x01", has_header=False, quote_char=None, new_columns=["line"])
        .filter(pl.col("line").str.starts_with("300,"))
        .with_row_index("row")
        .select(
            "row",
            pl.col("line").str.slice(4, 8).str.to_date("%Y%m%d").alias("day"),
            pl.col("line").str.split(",").list.slice(2, 288).alias("text"),
            pl.int_ranges(0, 288).alias("slot"),
        )
        .explode("text", "slot")
        .with_columns((pl.col("text").cast(pl.Float64) * 1000).round().cast(pl.Int64).alias("wh"))
    )
    halves = (
        slots.group_by("row", "day", pl.col("slot") // 6).agg(pl.col("wh").sum(), pl.len().alias("n")).collect()
    )
    is_peak = (
        (halves["day"].dt.weekday() <= 5) & (halves["slot"] >= 30) & (halves["slot"] < 42)
    )
    total = halves["wh"].sum()
    peak = halves.filter(is_peak)["wh"].sum()
    show(halves["n"].sum(), halves.height, total, peak, total - peak, start)


def with_nemreader(path):
    from nemreader import NEMFile

    start = time.process_time()
    data = NEMFile(path, strict=True).nem_data()
    values = sum(len(readings) for channels in data.readings.values() for readings in channels.values())
    print(f"{values} values")
    print(f"{time.process_time() - start:.3f}")


if __name__ == "__main__":
    {"numpy": with_numpy, "duckdb": with_duckdb, "polars": with_polars, "nemreader": with_nemreader}[sys.argv[1]](
        sys.argv[2])
