# SPDX-License-Identifier: LGPL-2.1-or-later
"""The last step: the recording as EDF+, and pictures, all made by bionicctl, and looked at here."""
import csv
import json
import os

import numpy as np


class NotRight(RuntimeError):
    """A file is not what it should be."""


def check_edf(path, channels):
    """Reads an EDF+ file's header and annotations; returns signals, seconds and annotations."""
    with open(path, "rb") as stream:
        content = stream.read()
    head = content[:256]
    if head[:8].strip() != b"0" or not head[192:197].startswith(b"EDF+"):
        raise NotRight("%s is no EDF+ file" % path)
    header_size, records = int(head[184:192]), int(head[236:244])
    seconds, signals = float(head[244:252]), int(head[252:256])
    labels = [content[256 + 16 * i:272 + 16 * i].decode("ascii").strip() for i in range(signals)]
    offset = 256 + signals * 216
    counts = [int(content[offset + 8 * i:offset + 8 * i + 8]) for i in range(signals)]
    if "EDF Annotations" not in labels or signals != channels + 1:
        raise NotRight("%s has the signals %s" % (path, labels))
    if len(content) != header_size + records * 2 * sum(counts):
        raise NotRight("%s has %d bytes, not what its header says" % (path, len(content)))
    return signals - 1, records * seconds, read_annotations(content, header_size, records, labels, counts)


def read_annotations(content, at, records, labels, counts):
    """The texts of all annotations."""
    place = labels.index("EDF Annotations")
    begin, length = 2 * sum(counts[:place]), 2 * counts[place]
    texts = []
    for record in range(records):
        start = at + record * 2 * sum(counts) + begin
        for entry in content[start:start + length].split(b"\0"):
            parts = entry.split(b"\x14")
            texts += [part.decode("utf-8") for part in parts[1:] if part]
    return texts


def check_picture(path):
    """A PNG or an SVG with something in it."""
    with open(path, "rb") as stream:
        content = stream.read()
    good = content.startswith(b"\x89PNG\r\n") if path.endswith(".png") else b"<svg" in content[:1000]
    if not good or len(content) < 1000:
        raise NotRight("%s is no picture" % path)


class Pictures:
    """Makes everything in the story's folder of results."""

    def __init__(self, story):
        self.story, self.house, self.folder = story, story.house, story.results
        self.files = []

    def path(self, name):
        """A file among the results."""
        return os.path.join(self.folder, name)

    def control(self, *arguments):
        """Runs bionicctl."""
        self.house.run("bionicctl", *arguments)

    def write_json(self, name, content):
        """Writes a file for bionicctl to read."""
        with open(self.path(name), "w", encoding="utf-8") as stream:
            json.dump(content, stream)
        return self.path(name)

    def title(self, text):
        """A heading that says where the signals are from."""
        return text + (" (generated signals)" if self.story.generated else "")

    def plot(self, name, kind, source, *arguments):
        """One picture, as SVG and as PNG."""
        for suffix in ("svg", "png"):
            target = self.path("%s.%s" % (name, suffix))
            self.control("plot", kind, source, "--out", target, *arguments)
            check_picture(target)
            self.files.append(os.path.basename(target))

    def export(self):
        """The session's recording as EDF+."""
        target = self.path("session.edf")
        verdicts = self.write_json("verdicts.json", [
            {"movement": movement, "repetition": repetition, "accepted": accepted,
             "attempt": details.get("attempt", 1), "reasons": details.get("reasons", [])}
            for movement, repetition, accepted, details in self.story.verdicts])
        recording = self.story.recording.rsplit("/", 1)[1]
        self.control("export", recording, "--out", target, "--verdicts", verdicts)
        channels, seconds, texts = check_edf(target, self.story.person.sessions[0].channels)
        wanted = self.story.names[self.story.gestures[0]]
        if not any(wanted in text for text in texts):
            raise NotRight("the EDF+ file has no annotation of %s" % wanted)
        self.files.append("session.edf")
        self.plot("session", "signals", recording, "--verdicts", verdicts,
                  "--title", self.title("The session: prompts and verdicts"))
        return channels, seconds, len(texts)

    def write_run(self, score):
        """What the arm saw and decided while it was scored, as a recording and a table."""
        story = self.story
        session = story.person.sessions[0]
        samples, begin = score.samples, score.begin
        name = self.path("decisions.json")
        samples.astype("<i2").tofile(name[:-5] + ".bin")
        segments = []
        for span in score.spans:
            start, end = max(span.start - begin, 0), min(span.start + span.count - begin, len(samples))
            if end > start:
                segments.append({"start": start, "count": end - start, "gesture": span.gesture,
                                 "name": story.names[span.gesture], "rep": 1})
        self.write_json("decisions.json", {
            "format": "emgpack-1", "dataset": story.person.dataset,
            "source": "generated" if story.generated else "replayed", "fs_hz": session.rate,
            "channels": session.channels, "samples": len(samples), "dtype": "int16le",
            "layout": "interleaved", "lsb": score.format["lsb"], "unit": score.format["unit"],
            "subject": str(story.person.subject), "session": 1, "segments": segments})
        with open(self.path("decisions.csv"), "w", encoding="ascii", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(["sample", "movement", "name", "confidence", "speed"])
            for decision in score.all_decisions:
                if begin <= decision.sample < begin + len(samples):
                    table.writerow([decision.sample - begin, decision.movement,
                                    story.names.get(decision.movement, "?"), decision.confidence,
                                    decision.speed])
        return name

    def confusion(self, name, score, text):
        """A confusion matrix of the arm's decisions."""
        matrix = np.asarray(score.confusion)[:, :len(score.gestures)]
        source = self.write_json(name + ".json", {
            "movements": [self.story.names[g] for g in score.gestures],
            "confusion": matrix.tolist(), "accuracy": score.accuracy})
        self.plot(name, "confusion", source, "--title", self.title(text))

    def make(self):
        """All of it; returns the step's figures."""
        channels, seconds, annotations = self.export()
        story = self.story
        story.terminal.good("session.edf: %d electrodes, %.0f s, %d annotations" % (
            channels, seconds, annotations))
        first = story.scores["first"]
        self.plot("signals", "signals", self.write_run(first), "--decisions",
                  self.path("decisions.csv"), "--title",
                  self.title("What the wearer did, and what the arm decided"))
        self.confusion("confusion", first, "The arm's decisions, first model")
        if "recalibrated" in story.scores:
            self.confusion("confusion-drifted", story.scores["drifted"],
                           "Another day, before recalibration")
            self.confusion("confusion-recalibrated", story.scores["recalibrated"],
                           "Another day, recalibrated")
        latency = self.write_json("latency.json", {"decision_latency": list(story.histogram)})
        self.plot("latency", "latency", latency, "--title",
                  "From the last sample to the actuator's command")
        story.terminal.good("%d pictures" % (len(self.files) - 1))
        return {"files": self.files, "edf_annotations": annotations, "edf_seconds": round(seconds, 1)}
