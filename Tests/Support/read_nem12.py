"""Prints what nemreader finds in a NEM12 file: suffix, end in market time, millionths of the unit, quality."""

import sys
from decimal import Decimal

from nemreader import NEMFile

data = NEMFile(sys.argv[1], strict=True).nem_data()
for channels in data.readings.values():
    for suffix, readings in channels.items():
        for reading in readings:
            # A float of nemreader's: its repr has every digit that the file had.
            micro = int((Decimal(repr(reading.read_value)) * 1_000_000).to_integral_value())
            print(suffix, reading.t_end.strftime("%Y-%m-%dT%H:%M:%S"), micro, reading.quality_method)
