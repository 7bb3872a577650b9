#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bionicctl with the real services and a virtual arm: from a new patient to a model rolled back, on a
terminal and without one."""
import json
import os
import pty
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

from edf import Edf  # noqa: E402  pylint: disable=wrong-import-position
from harness import PATIENCE, House, main, program  # noqa: E402  pylint: disable=wrong-import-position

MOVEMENTS = "wrist_flexion,wrist_extension,hand_close"
SPEED = "4"


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, house, *command):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(house.directory)
            os.execve(command[0], command, dict(house.environment, TERM="xterm"))

    def pump(self, seconds):
        """Takes what it prints for a while; FALSE when it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    return False
                if not data:
                    return False
                self.seen += data
        return True

    def wait_for(self, text):
        """Waits until it has printed something."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.seen:
            assert time.monotonic() < end, "no %r in %r" % (text, self.seen[-2000:])
            if not self.pump(0.1):
                break
        assert text.encode() in self.seen, self.seen[-2000:]

    def press(self, key):
        """A key."""
        os.write(self.fd, key.encode())

    def wait(self):
        """Waits for its end; returns the exit status."""
        end = time.monotonic() + PATIENCE
        while self.pump(0.1):
            assert time.monotonic() < end, self.seen[-2000:]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Wearer(threading.Thread):
    """Does what the prompts of a session ask for."""

    def __init__(self, clinic, *arguments):
        super().__init__()
        self.clinic, self.events = clinic, []
        self.child = subprocess.Popen([program("bionicctl"), "session", "--json", *arguments], text=True,
                                      stdout=subprocess.PIPE, env=clinic.house.environment,
                                      cwd=clinic.house.directory)

    def run(self):
        for line in self.child.stdout:
            event = json.loads(line)
            self.events.append(event)
            if event["event"] == "prompt":
                self.clinic.wear(event["movement"] if event["phase"] == "hold" else "rest")


class Clinic:
    """The services, and an arm that `emulate` has started."""

    def __init__(self):
        self.house = House()
        self.house.environment["BIONICPRO_SIMLIMB"] = program("simlimb")
        self.house.start_all()
        self.arm = os.path.join(self.house.directory, "arm")
        self.id = self.json("emulate", "start", "--dir", self.arm, "--speed", SPEED)["id"]

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

    def send(self, *command):
        """Steers the arm."""
        return json.loads(self.run("emulate", "send", self.arm, *command).stdout)

    def wear(self, movement):
        """The wearer makes a movement; at once, without starting a program for it."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(os.path.join(self.arm, "control"))
            control.sendall(("generate %s 0.6\n" % movement).encode())
            assert json.loads(control.makefile().readline())["ok"]

    def press_button_soon(self):
        """Somebody presses the button once the arm waits for it."""
        def press():
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                if self.json("status")["requests"]:
                    self.send("button")
                    return
                time.sleep(0.1)
        thread = threading.Thread(target=press)
        thread.start()
        return thread

    def bind(self):
        """Binds the arm to a new patient."""
        patient = self.run("patients", "add", "--name", "Ada").stdout.strip()
        thread = self.press_button_soon()
        done = self.run("bind", "--code", os.path.join(self.arm, "qr.json"), "--patient", patient, "--side", "left")
        thread.join()
        assert "▶ " in done.stderr, done.stderr
        return patient


def test_story():
    """Bind, session, train, deploy, confirm, second model, roll back, export, unbind."""
    with Clinic() as clinic:
        assert clinic.json("show")["state"] == "unbound"
        clinic.run("emulate", "start", "--dir", clinic.arm, status=7)
        patient = clinic.bind()
        clinic.run("bind", "--code", os.path.join(clinic.arm, "qr.json"), "--patient", patient, "--side", "left",
                   status=6)
        shown = clinic.json("show", clinic.id[:4])
        assert (shown["state"], shown["side"], shown["patient"]) == ("bound", "left", patient)

        wearer = Wearer(clinic, "--movements", MOVEMENTS, "--repetitions", "2", "--hold", "2", "--when-refused", "skip")
        wearer.run()
        assert wearer.child.wait() == 0, wearer.events[-1:]
        verdicts = [event for event in wearer.events if event["event"] == "verdict"]
        accepted = sum(v["accepted"] for v in verdicts)
        assert accepted >= 6, verdicts
        recording = wearer.events[-1]["recording"].rsplit("/", 1)[1]
        assert clinic.json("recordings")[0]["id"] == recording
        assert len(clinic.json("verdicts", recording)) == len(verdicts)

        trained = clinic.json("train", recording)
        assert trained["ok"] and trained["accuracy"] > 0.8 and trained["verdict"] == "first", trained
        models = clinic.json("models")
        assert models[0]["path"] == trained["model"] and models[0]["state"] == "candidate"
        assert clinic.json("evaluate", models[0]["id"], recording)["accuracy"] > 0.8
        clinic.run("confirm", status=6)
        assert clinic.json("deploy", models[0]["id"], "--trial-seconds", "600")["model"] == models[0]["hash"]
        assert clinic.json("show")["slots_state"] == "trial"
        clinic.run("confirm")
        assert clinic.json("show")["confirmed"] == models[0]["hash"]
        clinic.run("rollback", status=3)

        adapted = clinic.json("train", recording, "--from", models[0]["id"], "--compare", "none")
        second = adapted["model"].rsplit("/", 1)[1]
        clinic.run("deploy", clinic.id, second)
        clinic.run("confirm", clinic.id)
        clinic.run("rollback")
        assert clinic.json("show")["confirmed"] == models[0]["hash"]

        clinic.wear("hand_close")
        decisions = clinic.run("signals", "--decisions", "--seconds", "1.5").stdout.splitlines()
        assert decisions[0] == "sample,movement,name,confidence,speed" and len(decisions) > 20
        assert any(",hand_close," in line for line in decisions), decisions[-5:]
        clinic.run("export", recording, "--out", "s.edf")
        with open(os.path.join(clinic.house.directory, "s.edf"), "rb") as stream:
            edf = Edf(stream.read())
        assert edf.n_signals == 9 and sum(": accepted" in a[2] for a in edf.annotations) == accepted
        for name, arguments in (("s.svg", ["signals", recording]), ("c.svg", ["confusion", models[0]["id"]]),
                                ("l.png", ["latency"])):
            clinic.run("plot", *arguments, "--out", name)
            assert os.path.getsize(os.path.join(clinic.house.directory, name)) > 2000
        thread = clinic.press_button_soon()
        clinic.run("unbind")
        thread.join()
        assert clinic.json("show")["state"] == "unbound"


def test_terminal():
    """The live view and a session on a terminal: drawn, steered by keys, and the terminal given back."""
    with Clinic() as clinic:
        clinic.bind()
        view = Terminal(clinic.house, program("bionicctl"), "signals")
        view.wait_for("E8")
        view.wait_for("samples")
        view.press("q")
        assert view.wait() == 0, view.seen[-500:]
        assert b"\033[?1049h" in view.seen and view.seen.rstrip().endswith(b"\033[?1049l"), view.seen[-200:]

        session = Terminal(clinic.house, program("bionicctl"), "session", "--movements", "hand_close", "--hold", "20")
        session.wait_for("keys:")
        session.wait_for("NOW:")
        session.press("p")
        session.wait_for("paused")
        session.seen = b""
        session.press("p")
        session.wait_for("get ready:")
        session.seen = b""
        session.press("\x03")
        session.wait_for("paused")
        session.press("\x03")
        assert session.wait() == 8, session.seen[-500:]
        assert clinic.json("list", "sessions")[0]["state"] == "aborted"


def test_arm_leaves():
    """An arm that leaves ends the live view, and cannot be told anything."""
    with Clinic() as clinic:
        child = subprocess.Popen([program("bionicctl"), "signals", "--json"], env=clinic.house.environment, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        child.stdout.readline()
        clinic.send("unplug")
        _, errors = child.communicate(timeout=PATIENCE)
        assert child.returncode == 5 and "has left" in errors, (child.returncode, errors)
        clinic.run("identify", status=5)
        assert clinic.json("list")[0]["connected"] is False
        clinic.send("plug")


def write_recording(folder, name, **members):
    """Half a second of noughts and ones at four electrodes."""
    os.makedirs(folder, exist_ok=True)
    side_car = {"fs_hz": 200, "channels": 4, "samples": 100, "dtype": "int8", "lsb": 1.0, "unit": "myo_count",
                "segments": []}
    with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as stream:
        json.dump({**side_car, **members}, stream)
    with open(os.path.join(folder, name + ".bin"), "wb") as stream:
        stream.write(bytes([0, 1] * 200))
    return stream.name[:-len(".bin")] + ".json"


def test_emulate_session():
    """An arm gets all recordings of one person's one session, out of folders that hold more."""
    with House() as house:
        def run(*arguments, status=0):
            done = house.run("bionicctl", "emulate", *arguments, check=False)
            assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
            return done
        house.environment["BIONICPRO_SIMLIMB"] = program("simlimb")
        data, arm = os.path.join(house.directory, "data"), os.path.join(house.directory, "arm")
        start = ["start", "--no-port", "--dir", arm, "--data", data]
        os.mkdir(data)
        assert data in run(*start, status=3).stderr
        with open(os.path.join(data, "about.json"), "w", encoding="utf-8") as stream:
            stream.write("{}")
        shutil.copy(stream.name, os.path.join(data, "about.bin"))
        assert "'fs_hz' is 200 to 2000" in run(*start, status=6).stderr
        wanted = [write_recording(os.path.join(data, "p1"), "s1_g%d" % g, subject="p1", session=1) for g in range(3)]
        wanted.append(write_recording(os.path.join(data, "p1", "more"), "s1_g3", subject="p1", session=1))
        write_recording(os.path.join(data, "p1"), "s1_x", subject="p1", session=1, lsb=0.5)
        write_recording(os.path.join(data, "p1"), "s1_two", subject="p1", session=1, channels=2, samples=200)
        write_recording(os.path.join(data, "p1"), "s2_g1", subject="p1", session=2)
        write_recording(os.path.join(data, "p2"), "s1_g1", subject="p2", session=1)
        done = run(*start, "--json")
        try:
            assert "4 recordings: person 'p1', session '1'" in done.stderr, done.stderr
            with open("/proc/%d/cmdline" % json.loads(done.stdout)["pid"], encoding="utf-8") as stream:
                words = stream.read().split("\0")
            given = [words[i + 1] for i, word in enumerate(words) if word == "--electrodes"]
            assert sorted(given) == sorted(wanted), given
        finally:
            run("stop", "--no-port", arm)


if __name__ == "__main__":
    main(test_story, test_terminal, test_arm_leaves, test_emulate_session)
