# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small made-up recordings for tests: noise whose strength at each electrode depends on the movement.

They look enough like muscle signals for every part to work, and are the same every time. Nothing is
claimed from them.
"""
import json
import os

import numpy as np

NAMES = ["rest", "wrist_flexion", "wrist_extension", "radial_deviation", "ulnar_deviation",
         "pronation", "supination", "hand_close"]
RATE, CHANNELS, SECONDS = 200, 8, 2.0


def strengths(gesture, turn):
    """How strong a movement is at each electrode; `turn` electrodes further round."""
    if gesture == 0:
        return np.full(CHANNELS, 4.0)
    places = (np.arange(CHANNELS) - turn - gesture * CHANNELS / 7.0) % CHANNELS
    distance = np.minimum(places, CHANNELS - places)
    return 12.0 + (90.0 + 12.0 * (gesture % 3)) * np.exp(-(distance / 1.3) ** 2)


def signal(random, gesture, count, turn):
    """One piece, counts x electrodes."""
    noise = random.normal(0, 1, (count + 4, CHANNELS))
    # Neighbours share a third of their signal, and the spectrum is not flat.
    noise = 0.85 * noise + 0.3 * np.roll(noise, 1, axis=1)
    noise = noise[4:] - 0.6 * noise[3:-1] + 0.2 * noise[2:-2]
    swell = 1.0 + 0.1 * np.sin(np.arange(count) / 37.0)[:, None]
    return noise * strengths(gesture, turn) * swell


def write_day(folder, session, gestures=range(1, 8), repetitions=4, turn=0.0, name=None, seed=None):
    """Writes one day's recording; returns its side-car's path."""
    random = np.random.default_rng(1000 + session if seed is None else seed)
    pieces, segments, at = [], [], 0
    count = int(RATE * SECONDS)
    for repetition in range(1, repetitions + 1):
        for gesture in [0, *gestures]:
            pieces.append(signal(random, gesture, count, turn))
            segments.append({"start": at, "count": count, "gesture": gesture,
                             "name": NAMES[gesture], "rep": repetition})
            at += count
    samples = np.clip(np.concatenate(pieces), -32000, 32000).round().astype("<i2")
    path = os.path.join(folder, (name or "day%d" % session) + ".json")
    samples.tofile(path[:-5] + ".bin")
    with open(path, "w", encoding="ascii") as stream:
        json.dump({"format": "emgpack-1", "dataset": "synthetic", "source": "generated",
                   "fs_hz": RATE, "channels": CHANNELS, "samples": int(at), "dtype": "int16le",
                   "layout": "interleaved", "lsb": 1.0, "unit": "microvolt", "subject": "nobody",
                   "session": session, "segments": segments}, stream)
    return path


def pieces_of(path):
    """(name, repetition) -> (path, start, count), rest among them."""
    with open(path, encoding="ascii") as stream:
        head = json.load(stream)
    return {(s["name"], s["rep"]): (path, s["start"], s["count"]) for s in head["segments"]}
