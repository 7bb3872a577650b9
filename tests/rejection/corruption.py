# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recordings cut, joined and corrupted the way electrodes, mains and walking corrupt them.

Strengths are multiples of the electrodes' rest level (root mean square about the mean), so that they mean
the same for every amplifier; whatever comes out is held to what the amplifier's converter can give. Every
corruption takes a random generator and the sample it begins at, and leaves the recording it is given alone.
"""
import json
import os

import numpy as np

DTYPES = {"int8": "<i1", "int16le": "<i2"}
STEPS_HZ = 1.8


class Recording:
    """Samples (counts, samples x electrodes) and what the side-car says of them."""

    def __init__(self, head, samples):
        self.head, self.samples = head, samples

    @property
    def rate(self):
        """Samples a second."""
        return self.head["fs_hz"]

    @property
    def segments(self):
        """Start, count, gesture, name and repetition of each segment."""
        return self.head["segments"]

    @property
    def limits(self):
        """Least and greatest count the converter gives."""
        if self.head.get("limits"):
            return tuple(self.head["limits"])
        if self.head["dtype"] == "int8":
            return -128, 127
        if self.head["unit"] == "myo_full_scale":
            return -round(1 / self.head["lsb"]), min(32767, round(127 / 128 / self.head["lsb"]))
        return -32768, 32767

    def holding(self, values):
        """The same recording with other samples, rounded and held to the limits."""
        samples = np.clip(np.rint(values), *self.limits).astype("<i2")
        return Recording(dict(self.head, dtype="int16le", limits=self.limits, samples=len(samples)), samples)

    def write(self, path):
        """Writes side-car and samples; returns the side-car's path."""
        self.samples.astype("<i2").tofile(path[:-5] + ".bin")
        head = {key: value for key, value in self.head.items() if key != "limits"}
        head.update(dtype="int16le", samples=len(self.samples))
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(head, stream)
        return path


def read(path):
    """Reads a recording by its side-car."""
    with open(path, encoding="utf-8") as stream:
        head = json.load(stream)
    samples = np.fromfile(path[:-5] + ".bin", DTYPES[head["dtype"]]).reshape(-1, head["channels"])
    return Recording(head, samples.astype("<i2"))


def stitch(parts):
    """One recording of parts (recording, first sample, sample after the last) in their order."""
    blocks, segments, at = [], [], 0
    for recording, first, last in parts:
        for segment in recording.segments:
            start, end = max(first, segment["start"]), min(last, segment["start"] + segment["count"])
            if start < end:
                segments.append(dict(segment, start=at + start - first, count=end - start))
        blocks.append(recording.samples[first:last])
        at += last - first
    recording = parts[0][0]
    head = dict(recording.head, segments=segments, samples=at, dtype="int16le", limits=recording.limits)
    return Recording(head, np.concatenate(blocks))


def rest_only(recording, trim_start, trim_end, least):
    """The inner parts of the rests after the first repetition one after the other, to and fro until there are
    @least samples."""
    blocks = []
    for segment in recording.segments:
        first, last = segment["start"] + trim_start, segment["start"] + segment["count"] - trim_end
        if segment["gesture"] == 0 and segment["rep"] > 1 and first < last:
            blocks.append(recording.samples[first:last])
    once = np.concatenate(blocks)
    while len(once) < least:
        once = np.concatenate([once, once[::-1]])
    once = once[:least]
    segment = {"start": 0, "count": len(once), "gesture": 0, "name": "rest", "rep": 2}
    head = dict(recording.head, segments=[segment], samples=len(once), dtype="int16le", limits=recording.limits)
    return Recording(head, once)


def rest_level(rest):
    """Root mean square about the mean of each electrode, at least half a count."""
    return np.maximum(rest.samples.astype(float).std(0), 0.5)


def without_gesture(source, target, gesture):
    """A side-car in folder @target for the samples of @source that does not know a movement."""
    with open(source, encoding="utf-8") as stream:
        head = json.load(stream)
    head["segments"] = [one for one in head["segments"] if one["gesture"] != gesture]
    path = os.path.join(target, os.path.basename(source))
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(head, stream)
    samples = path[:-5] + ".bin"
    if not os.path.exists(samples):
        os.symlink(os.path.abspath(source[:-5] + ".bin"), samples)
    return path if head["segments"] else None


def added(recording, signal, since=0):
    """A signal (samples x electrodes) on top of a recording."""
    values = recording.samples.astype(float)
    values[since:] += signal[since:]
    return recording.holding(values)


def replaced(recording, electrode, signal, since):
    """One electrode's signal replaced."""
    values = recording.samples.astype(float)
    values[since:, electrode] = signal[since:] if np.ndim(signal) else signal
    return recording.holding(values)


def sine(recording, random, hertz):
    """A sine of 1 at about @hertz, as mains has it: never quite the nominal frequency."""
    time = np.arange(len(recording.samples)) / recording.rate
    return np.sin(2 * np.pi * (hertz + random.uniform(-0.05, 0.05)) * time + random.uniform(0, 2 * np.pi))


# One electrode ---------------------------------------------------------------------------------------


def dead(recording, random, electrode, since, level):
    """Reads 0."""
    return replaced(recording, electrode, 0.0, since)


def held(recording, random, electrode, since, level):
    """Stays where it was."""
    return replaced(recording, electrode, float(recording.samples[since, electrode]), since)


def full_scale(recording, random, electrode, since, level):
    """Stays at the end of the converter's range."""
    return replaced(recording, electrode, float(recording.limits[1]), since)


def noise_only(recording, random, electrode, since, level):
    """White noise as strong as rest."""
    signal = random.normal(0, level[electrode], len(recording.samples))
    return replaced(recording, electrode, signal, since)


def floating(recording, random, electrode, since, level):
    """Hangs loose: mains of 30 times rest and some noise."""
    signal = 30 * level[electrode] * np.sqrt(2) * sine(recording, random, 50) + \
        random.normal(0, level[electrode], len(recording.samples))
    return replaced(recording, electrode, signal, since)


def intermittent(recording, random, electrode, since, level):
    """Loses contact for 150 ms or so every half second or so; jumps when it comes back."""
    values = recording.samples[:, electrode].astype(float)
    at = since
    while at < len(values):
        away = 1 + int(random.exponential(0.15) * recording.rate)
        values[at:at + away] = 0.0
        at += away
        jump = 20 * level[electrode] * random.choice((-1.0, 1.0))
        back = 1 + int(random.exponential(0.4) * recording.rate)
        fading = np.exp(-np.arange(len(values[at:at + back])) / (0.1 * recording.rate))
        values[at:at + back] += jump * fading
        at += back
    return replaced(recording, electrode, values, since)


FAULTS = {"dead": dead, "held": held, "full scale": full_scale, "noise": noise_only, "floating": floating,
          "intermittent": intermittent}

# All electrodes --------------------------------------------------------------------------------------


def hum(recording, random, since, level, strength, hertz=50, common=True):
    """Mains on all electrodes; @strength is its root mean square over that of rest."""
    channels = recording.samples.shape[1]
    gains = np.sqrt(2) * strength * np.mean(level) * random.uniform(0.7, 1.3, channels)
    if common:
        signal = sine(recording, random, hertz)[:, None] * gains
    else:
        frequency = random.uniform(-0.05, 0.05) + hertz
        time = np.arange(len(recording.samples)) / recording.rate
        signal = np.sin(2 * np.pi * frequency * time[:, None] + random.uniform(0, 2 * np.pi, channels)) * gains
    return added(recording, signal, since)


def swaying(recording, random, since, level, strength):
    """The socket moves on the skin with each step: 1 to 10 Hz, alike on all electrodes."""
    time = np.arange(len(recording.samples)) / recording.rate
    wave = sum(np.sin(2 * np.pi * STEPS_HZ * k * time + random.uniform(0, 2 * np.pi)) / k for k in range(1, 6))
    channels = recording.samples.shape[1]
    signal = wave[:, None] / wave.std() * random.uniform(0.7, 1.3, channels)
    return added(recording, strength * np.mean(level) * signal, since)


def heel_strikes(recording, random, since, level, strength):
    """A broad burst of 50 to 100 ms on all electrodes at each step."""
    count, channels = recording.samples.shape
    signal = np.zeros((count, channels))
    at = since
    while at < count:
        length = min(int(random.uniform(0.05, 0.1) * recording.rate), count - at)
        common, own = random.normal(0, 0.7, (length, 1)), random.normal(0, 0.7, (length, channels))
        signal[at:at + length] = (common + own) * np.sin(np.pi * (np.arange(length) + 0.5) / length)[:, None]
        at += int((1 / STEPS_HZ + random.normal(0, 0.02)) * recording.rate)
    gains = strength * np.mean(level) * random.uniform(0.7, 1.3, channels)
    return added(recording, signal * gains, since)


def walking(recording, random, since, level, strength):
    """Both."""
    return heel_strikes(swaying(recording, random, since, level, strength), random, since, level, strength)


def steps(recording, random, since, level, strength):
    """Every two seconds one electrode's offset jumps and is led off within half a second."""
    count, channels = recording.samples.shape
    signal = np.zeros((count, channels))
    for at in range(since, count, 2 * recording.rate):
        at += int(random.uniform(0, 0.5) * recording.rate)
        electrode, jump = random.integers(channels), random.choice((-1.0, 1.0))
        fading = np.exp(-np.arange(max(0, count - at)) / (0.5 * recording.rate))
        signal[at:, electrode] += jump * fading
    return added(recording, strength * np.mean(level) * signal, since)


def taps(recording, random, since, level, strength):
    """Every two seconds something knocks at two or three neighbours: 5 to 20 Hz, gone after 0.3 s."""
    count, channels = recording.samples.shape
    signal = np.zeros((count, channels))
    for at in range(since, count, 2 * recording.rate):
        at += int(random.uniform(0, 0.5) * recording.rate)
        time = np.arange(max(0, count - at)) / recording.rate
        ringing = np.sin(2 * np.pi * random.uniform(5, 20) * time) * np.exp(-time / 0.1)
        first = random.integers(channels)
        for place in range(random.integers(2, 4)):
            signal[at:, (first + place) % channels] += ringing * random.uniform(0.5, 1.0)
    return added(recording, strength * np.mean(level) * signal, since)


DISTURBANCES = {"swaying": swaying, "heel strikes": heel_strikes, "walking": walking, "steps": steps, "taps": taps}

# Strength --------------------------------------------------------------------------------------------


def scaled(recording, factor):
    """All of it weaker or stronger."""
    return recording.holding(recording.samples * float(factor))


def ramped(recording, low, high):
    """Each movement swells from @low to @high times its strength; returns the factor of each sample, too."""
    factor = np.ones(len(recording.samples))
    for segment in recording.segments:
        if segment["gesture"]:
            part = slice(segment["start"], segment["start"] + segment["count"])
            factor[part] = np.linspace(low, high, segment["count"])
    return recording.holding(recording.samples * factor[:, None]), factor
