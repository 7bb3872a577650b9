#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bionicctl bench with the real services: an arm whose electrodes nobody wears is unlocked, played to,
and trained by a session it follows."""
import json
import os
import signal
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from harness import BUILD, PATIENCE, House, main, program, wait_for  # noqa: E402  pylint: disable=wrong-import-position

KEYS = os.path.join(BUILD, "firmware", "keys")
RATE, MOVEMENTS = 500, ("wrist_flexion", "hand_close")


class Bench:
    """The services, an arm that knows the test key, and recordings."""

    def __init__(self):
        self.house = House()
        self.house.environment["BIONICPRO_SIMLIMB"] = program("simlimb")
        self.house.start_all()
        self.arm, data = (os.path.join(self.house.directory, name) for name in ("arm", "data"))
        done = self.house.run("simlimb", "--write-recordings", data)
        assert done.returncode == 0, done.stderr
        files = sorted(name for name in os.listdir(data) if name.endswith(".json"))
        self.recording = os.path.join(data, files[0])
        with open(self.recording, encoding="utf-8") as stream:
            self.side_car = json.load(stream)
        started = self.run("emulate", "start", "--json", "--dir", self.arm, "--", "--release-key",
                           os.path.join(KEYS, "test-release-pub.der"))
        self.id = json.loads(started.stdout)["id"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.run("emulate", "stop", self.arm)
        complaints = self.house.complaints()
        self.house.close()
        assert not complaints, complaints

    def run(self, *arguments, status=0):
        """Runs bionicctl and compares the exit status."""
        done = self.house.run("bionicctl", *arguments, check=False)
        assert done.returncode == status, "%s: %d\n%s%s" % (arguments, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *arguments, status=0):
        """Runs bionicctl and reads its document."""
        return json.loads(self.run(*arguments, "--json", status=status).stdout)

    def start(self, *arguments):
        """Starts bionicctl and leaves it running."""
        return subprocess.Popen([program("bionicctl"), *arguments, "--json"], env=self.house.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.house.directory)

    def refused(self, *arguments, status):
        """Runs bionicctl, which fails; returns the error's last word."""
        return self.json(*arguments, status=status)["error"].rsplit(".", 1)[-1]

    def unlock(self, *more):
        """Bench mode, by the key of the build."""
        return self.json("bench", "unlock", "--key", os.path.join(KEYS, "test-release.pem"), *more)


def make_key(bench):
    """A key that is not the arm's."""
    path = os.path.join(bench.house.directory, "other.pem")
    subprocess.run([os.path.join(KEYS, "make-test-key"), path, path + ".pub"], check=True)
    return path


def test_lock():
    """Nothing works before the right key has unlocked it, and nothing after it was ended."""
    with Bench() as bench:
        before = bench.json("bench")
        assert (before["bench"], before["room"]) == (False, 0), before
        assert bench.refused("bench", "press", status=4) == "NotAuthorized"
        assert bench.refused("bench", "off", status=6) == "WrongState"
        assert bench.refused("bench", "play", bench.id, bench.recording, status=6) == "WrongState"
        wrong = make_key(bench)
        assert bench.refused("bench", "unlock", "--key", wrong, "--like", bench.recording, status=6) == \
            "SignatureInvalid"
        assert bench.json("bench") == before
        bench.run("bench", "unlock", "--key", wrong, status=2)
        bench.run("bench", "unlock", "--key", wrong, "--rate", "200", status=2)
        bench.run("bench", "unlock", "--key", wrong, "--rate", "200", "--channels", "8", "--lsb", "1", "--unit", "inch",
                  status=2)
        bench.run("bench", "unlock", "--like", bench.recording, status=2)

        told = bench.unlock("--rate", "200", "--channels", "4", "--lsb", "0.00005", "--unit", "myo_full_scale")
        assert (told["bench"], told["rate"], told["channels"], told["unit"]) == (True, 200, 4, "myo_full_scale"), told
        assert told["room"] > 0 and abs(told["lsb"] - 5e-5) < 1e-12, told
        shown = bench.json("show")
        assert (shown["sampling_rate"], shown["channels"]) == (200, 4), shown
        assert bench.refused("bench", "play", bench.id, bench.recording, status=6) == "Incompatible"
        bench.run("bench", "off")
        after = bench.json("bench")
        assert after == before, (before, after)


def test_play():
    """What is played is what the arm's electrodes say; it can be picked, repeated and stopped."""
    with Bench() as bench:
        told = bench.unlock("--like", bench.recording)
        assert told["channels"] == bench.side_car["channels"] and told["rate"] == bench.side_car["fs_hz"], told
        count = told["room"] * 3
        played = bench.json("bench", "play", bench.id, bench.recording, "--start", "10", "--count", str(count))
        assert (played["samples"], played["doubtful"]) == (count, 0), played
        segment = next(s for s in bench.side_car["segments"] if s["name"] == "hand_close" and s["rep"] == 2)
        played = bench.json("bench", "play", bench.id, bench.recording, "--movement", "hand_close:2")
        assert played["samples"] == segment["count"], (played, segment)
        assert bench.refused("bench", "play", bench.id, bench.recording, "--movement", "knee_bend", status=3) == \
            "NotFound"
        for wrong in (["--movement", "rest:x"], ["--movement", "rest", "--start", "1"], ["--count", "0"],
                      ["--start", str(bench.side_car["samples"])]):
            bench.run("bench", "play", bench.id, bench.recording, *wrong, status=2)

        child = bench.start("bench", "play", bench.id, bench.recording, "--movement", "rest", "--loop")
        # Others get the management channel in between.
        wait_for(lambda: bench.json("bench")["room"] < told["room"], "samples that wait in the arm", 30)
        assert child.poll() is None, child.communicate()
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=PATIENCE)
        assert child.returncode == 0 and json.loads(out)["samples"] > 0, (child.returncode, out, errors)
        wait_for(lambda: bench.json("bench")["room"] == told["room"], "end of the samples", 30)
        child = bench.start("bench", "play", bench.id, bench.recording)
        wait_for(lambda: bench.json("bench")["room"] < told["room"], "samples that wait in the arm", 30)
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=PATIENCE)
        assert child.returncode == 8, (child.returncode, out, errors)


def bind(bench):
    """Binds the arm: its button is pressed over the link."""
    patient = bench.run("patients", "add", "--name", "Ada").stdout.strip()
    child = bench.start("bind", "--code", os.path.join(bench.arm, "qr.json"), "--patient", patient, "--side", "left")
    wait_for(lambda: bench.json("status")["requests"], "request to press the button")
    bench.run("bench", "press")
    out, errors = child.communicate(timeout=PATIENCE)
    assert child.returncode == 0, out + errors


def test_story():
    """Bind by a press over the link, a session that is followed, a model that is trained and deployed."""
    with Bench() as bench:
        bench.unlock("--like", bench.recording)
        bind(bench)
        follower = bench.start("bench", "follow", bench.recording)
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(follower.stdout))
        reader.start()
        done = bench.run("session", "--json", "--movements", ",".join(MOVEMENTS), "--repetitions", "2", "--hold", "1",
                         "--when-refused", "skip")
        assert follower.wait(PATIENCE) == 0, follower.stderr.read()
        reader.join()
        follower.stderr.close()
        follower.stdout.close()
        events = [json.loads(line) for line in lines]
        assert {e["movement"] for e in events[:-1] if e["event"] == "playing"} >= set(MOVEMENTS), events
        assert events[-1]["state"] == "finished" and events[-1]["missing"] == 0, events[-1]
        recording = json.loads(done.stdout.splitlines()[-1])["recording"].rsplit("/", 1)[1]
        trained = bench.json("train", recording)
        assert trained["ok"] and trained["accuracy"] > 0.8, trained

        player = bench.start("bench", "play", bench.id, bench.recording, "--movement", "hand_close", "--loop")
        deployed = bench.json("deploy", trained["model"].rsplit("/", 1)[1])
        bench.run("confirm")
        wait_for(lambda: ",hand_close," in bench.run("signals", "--decisions", "--seconds", "1").stdout,
                 "decision for the movement that is played")
        player.send_signal(signal.SIGINT)
        assert player.wait(PATIENCE) == 0, player.stderr.read()
        player.stderr.close()
        player.stdout.close()
        assert bench.json("show")["confirmed"] == deployed["model"]


if __name__ == "__main__":
    main(test_lock, test_play, test_story)
