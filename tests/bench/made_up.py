# SPDX-License-Identifier: LGPL-2.1-or-later
"""Made-up recordings, where there are no real ones."""
import glob
import json
import os

import numpy as np


def make_up(directory, days=30):
    """Days of 8 movements x 4 repetitions of 1.5 s, 8 electrodes at 200 Hz; returns their paths."""
    random = np.random.default_rng(1)
    gains = 0.05 + random.random((8, 8)) ** 2
    gains[0] = 0.03
    for day in range(days):
        segments, blocks = [], []
        for i in range(32):
            segments.append({"start": 300 * i, "count": 300, "gesture": i % 8, "name": "movement_%d" % (i % 8),
                             "rep": i // 8 + 1})
            blocks.append(random.standard_normal((300, 8)) * gains[i % 8] * 3000)
        samples = np.clip(np.vstack(blocks), -32767, 32767).astype("<i2")
        stem = os.path.join(directory, "s1_d%02d" % (day + 1))
        samples.tofile(stem + ".bin")
        with open(stem + ".json", "w", encoding="ascii") as stream:
            json.dump({"dataset": "longterm30", "fs_hz": 200, "channels": 8, "samples": len(samples),
                       "dtype": "int16le", "lsb": 5e-5, "unit": "myo_full_scale", "subject": "1", "session": day + 1,
                       "segments": segments}, stream)
    return sorted(glob.glob(os.path.join(directory, "*.json")))
