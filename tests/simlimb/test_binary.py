#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The virtual arm as a program: its pty, its control socket, replugging, cuts, hostile input.

usage: test_binary.py BIONICPRO-SIMLIMB
"""
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import smp


class Limb:
    """One bionicpro-simlimb in a folder of its own."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="simlimb-")
        self.state = os.path.join(self.folder.name, "arm")
        self.link = os.path.join(self.folder.name, "tty")
        self.socket = os.path.join(self.folder.name, "control")
        self.process = None
        self.control = None
        self.start("--manufacture", *options)

    def start(self, *options):
        """Starts the program and waits until it is ready."""
        self.process = subprocess.Popen(
            [PROGRAM, "--dir", self.state, "--link", self.link, "--control", self.socket, *options],
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("ready"):
            raise RuntimeError("it did not start")
        self.control = self.connect()

    def connect(self):
        """A connection to the control socket, as a file."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        connection.connect(self.socket)
        stream = connection.makefile("rw")
        connection.close()
        return stream

    def command(self, text):
        """Runs a control command and returns its answer."""
        self.control.write(text + "\n")
        self.control.flush()
        return json.loads(self.control.readline())

    def stop(self, how="terminate"):
        """Ends the program."""
        self.control.close()
        getattr(self.process, how)()
        self.process.wait(20)
        self.process.stdout.close()

    def close(self):
        """Ends the program and removes its folder."""
        if self.process.poll() is None:
            self.stop()
        self.folder.cleanup()


class BinaryTest(unittest.TestCase):
    """Each case has its own arm."""

    def limb(self, *options):
        """An arm that goes with the case."""
        limb = Limb(*options)
        self.addCleanup(limb.close)
        return limb

    def arm(self, limb):
        """A line to the arm that goes with the case."""
        arm = smp.Arm(limb.link)
        self.addCleanup(lambda: os.close(arm.fd) if arm.fd >= 0 else None)
        return arm

    def test_identity_matches_code(self):
        limb = self.limb("--generate")
        with open(os.path.join(limb.state, "qr.json"), encoding="utf-8") as stream:
            code = json.load(stream)
        identity = self.arm(limb).read(64, 0)
        self.assertEqual(identity["id"], code["deviceId"])
        self.assertEqual(identity["fp"], code["fingerprint"])
        self.assertEqual(identity["state"], "unbound")

    def test_line_survives_its_reader(self):
        limb = self.limb("--generate")
        arm = smp.Arm(limb.link)
        self.assertEqual(arm.write(64, 5, {"samples": True, "decisions": False})["rc"], 0)
        arm.close()
        time.sleep(0.2)
        arm = self.arm(limb)
        self.assertEqual(arm.write(0, 0, {"d": "still there"})["r"], "still there")

    def test_stream_is_whole(self):
        limb = self.limb("--generate", "--speed", "5")
        arm = self.arm(limb)
        arm.write(64, 5, {"samples": True, "decisions": False, "batch": 10})
        while len(arm.frames) < 200:
            arm.receive(1)
        expected = None
        for kind, _, _, body, _ in arm.frames:
            if kind != 1:
                continue
            first, count, channels = struct.unpack("<IBB", body[:6])
            self.assertEqual(len(body), 8 + 2 * count * channels)
            if expected is not None:
                self.assertEqual(first, expected)
            expected = first + count
        self.assertIsNotNone(expected)

    @staticmethod
    def is_up(arm):
        """Whether the line has not hung up; a terminal that has reads as ended."""
        try:
            return os.read(arm.fd, 4096) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def test_unplug_and_plug(self):
        limb = self.limb("--generate")
        arm = smp.Arm(limb.link)
        self.assertTrue(limb.command("unplug")["ok"])
        self.assertFalse(os.path.lexists(limb.link))
        deadline = time.monotonic() + 10
        while self.is_up(arm):
            self.assertLess(time.monotonic(), deadline, "no hang-up")
        arm.close()
        self.assertTrue(limb.command("plug")["ok"])
        self.assertEqual(self.arm(limb).write(0, 0, {"d": "x"})["r"], "x")

    def test_power_cut_and_restart(self):
        limb = self.limb("--generate")
        self.assertTrue(limb.command("power-cut")["ok"])
        self.assertFalse(limb.command("status")["powered"])
        self.assertFalse(limb.command("button")["ok"])
        self.assertFalse(limb.command("plug")["ok"])
        self.assertTrue(limb.command("power-on")["ok"])
        self.assertEqual(self.arm(limb).read(64, 6)["boot"], "power-cut")
        limb.stop("kill")
        limb.start("--generate")
        self.assertEqual(limb.command("status")["boot"], "power-on")

    def test_recordings(self):
        with tempfile.TemporaryDirectory(prefix="simlimb-") as folder:
            subprocess.run([PROGRAM, "--write-recordings", folder, "--days", "2", "--rate", "200"],
                           check=True)
            subprocess.run([PROGRAM, "--write-recordings", folder + "/fast", "--days", "1",
                            "--rate", "500"], check=True)
            day = os.path.join(folder, "g1_d01.json")
            with open(day, encoding="utf-8") as stream:
                side_car = json.load(stream)
            self.assertIn("generated", side_car["source"])
            self.assertGreaterEqual(len({s["gesture"] for s in side_car["segments"]}), 9)
            size = os.path.getsize(os.path.join(folder, "g1_d01.bin"))
            self.assertEqual(size, side_car["samples"] * side_car["channels"] * 2)
            self.replay(folder, day, side_car)

    def replay(self, folder, day, side_car):
        """What is played comes out of the line, and truth says where."""
        limb = self.limb("--electrodes", day, "--speed", "10")
        arm = self.arm(limb)
        arm.write(64, 5, {"samples": True, "decisions": False, "batch": 20})
        segment = side_car["segments"][5]
        answer = limb.command("play %s %d %d" % (day, segment["start"], segment["count"]))
        queued = limb.command("queue %s 0 100" % day)
        first = answer["sample"]
        self.assertEqual(queued["sample"], first + segment["count"])
        samples = {}
        while not samples or max(samples) < queued["sample"] + 120:
            arm.receive(5)
            for _, _, _, body, _ in arm.frames:
                index, count, channels = struct.unpack("<IBB", body[:6])
                for i in range(count):
                    at = 8 + 2 * channels * i
                    samples[index + i] = body[at:at + 2 * channels]
            arm.frames.clear()
        width = 2 * side_car["channels"]
        with open(day[:-4] + "bin", "rb") as stream:
            stream.seek(segment["start"] * width)
            for i in range(segment["count"]):
                self.assertEqual(stream.read(width), samples[first + i])
        truth = limb.command("truth %d %d" % (first, first + segment["count"]))["segments"]
        self.assertEqual(truth[0]["gesture"], segment["gesture"])
        self.assertEqual((truth[0]["from"], truth[-1]["to"]), (first, first + segment["count"]))
        other = limb.command("play %s" % os.path.join(folder, "fast", "g1_d01.json"))
        self.assertFalse(other["ok"])
        self.assertIn("converter", other["error"])
        self.assertFalse(limb.command("generate hand_close 0.5")["ok"])

    def test_control_refuses(self):
        limb = self.limb("--generate")
        for line in ("", "nonsense", "play", "play /nowhere.json", "play a b c d e", "stick 8",
                     "stick -1", "stick x", "battery 101", "speed 0", "speed nan", "speed 1e99",
                     "baud -1", "noise 1000001", "truth 5 4", "truth a b", "generate flying",
                     "generate hand_close 2", "power-cut at 0", "worn maybe", "silent", "\"unclosed",
                     "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
                     "truth 0 99999999999999999999999"):
            answer = limb.command(line)
            self.assertFalse(answer["ok"], line)
            self.assertTrue(answer["error"], line)
        flood = limb.connect()
        flood.write("x" * 10000)
        flood.flush()
        self.assertFalse(json.loads(flood.readline())["ok"])
        flood.close()
        self.assertTrue(limb.command("status")["ok"])

    def test_long_answer(self):
        """However long the truth is, all of it comes; and what was asked behind it."""
        with tempfile.TemporaryDirectory(prefix="simlimb-") as folder:
            subprocess.run([PROGRAM, "--write-recordings", folder, "--days", "1", "--rate", "200"],
                           check=True)
            day = os.path.join(folder, "g1_d01.json")
            limb = self.limb("--electrodes", day)
            limb.command("play %s 0 1 loop" % day)
            limb.command("speed 100")
            while limb.command("status")["sample"] < 20000:
                time.sleep(0.05)
            limb.command("speed 1")
            limb.control.write("truth 0 20000\nstatus\n")
            limb.control.flush()
            spans = json.loads(limb.control.readline())["segments"]
            self.assertGreater(len(spans), 10000)
            self.assertEqual(spans[-1]["to"], 20000)
            self.assertFalse(json.loads(limb.control.readline())["button"])

    def test_world(self):
        limb = self.limb("--generate", "--speed", "20")
        self.assertTrue(limb.command("generate hand_close 0.8")["ok"])
        self.assertTrue(limb.command("drift 12 0.2 7")["ok"])
        self.assertTrue(limb.command("hum 100")["ok"])
        self.assertTrue(limb.command("stick 2")["ok"])
        self.assertTrue(limb.command("loose 4")["ok"])
        self.assertTrue(limb.command("battery 40")["ok"])
        arm = self.arm(limb)
        for _ in range(200):
            status = arm.read(64, 6)
            if status["dead"] == 1 << 2 | 1 << 4:
                break
            time.sleep(0.02)
        self.assertEqual(status["dead"], 1 << 2 | 1 << 4)
        self.assertEqual(status["bat"], 40)
        self.assertTrue(limb.command("heal")["ok"])
        for _ in range(200):
            status = arm.read(64, 6)
            if status["dead"] == 0:
                break
            time.sleep(0.02)
        self.assertEqual(status["dead"], 0)

    def test_options(self):
        for options in ([], ["--dir", "/nonexistent/x"], ["--dir", "/tmp", "--speed", "-1"],
                        ["--dir", "/tmp", "extra"], ["--bogus"],
                        ["--dir", "/tmp", "--generate", "--electrodes", "a.json"]):
            done = subprocess.run([PROGRAM, *options], capture_output=True, text=True, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("bionicpro-simlimb:", done.stderr)
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True)
        for word in ("--manufacture", "--power-cut-at", "power-cut", "truth FROM TO"):
            self.assertIn(word, done.stdout)

    def test_silence_and_hang(self):
        limb = self.limb("--generate")
        arm = self.arm(limb)
        self.assertTrue(limb.command("silent on")["ok"])
        with self.assertRaises(TimeoutError):
            arm.request(2, 0, 0, {"d": "x"}, seconds=0.5)
        self.assertTrue(limb.command("silent off")["ok"])
        self.assertEqual(arm.write(0, 0, {"d": "y"})["r"], "y")
        self.assertTrue(limb.command("hang")["ok"])
        for _ in range(200):
            if limb.command("status")["boot"] == "watchdog":
                break
            time.sleep(0.02)
        self.assertEqual(arm.read(64, 6)["boot"], "watchdog")

    def test_made_once(self):
        limb = self.limb("--generate")
        limb.stop()
        self.assertIn("made already", self.refusal("--manufacture", "--dir", limb.state))

    @staticmethod
    def refusal(*options):
        """What the program says on not starting."""
        done = subprocess.run([PROGRAM, *options], capture_output=True, text=True, check=False,
                              timeout=20)
        if done.returncode != 1:
            raise AssertionError("%s: %d" % (options, done.returncode))
        return done.stderr

    def test_one_process_an_arm(self):
        limb = self.limb("--generate")
        self.assertIn("running already", self.refusal("--dir", limb.state, "--generate"))
        self.assertTrue(limb.command("status")["ok"])
        limb.stop("kill")
        limb.start("--generate")

    def test_paths_of_others_are_left(self):
        limb = self.limb("--generate")
        other = os.path.join(limb.folder.name, "other")
        subprocess.run([PROGRAM, "--manufacture", "--dir", other], check=True)
        precious = os.path.join(limb.folder.name, "precious")
        with open(precious, "w", encoding="utf-8") as stream:
            stream.write("precious")
        for option in ("--link", "--control"):
            self.assertIn("precious", self.refusal("--dir", other, "--generate", option, precious))
            with open(precious, encoding="utf-8") as stream:
                self.assertEqual(stream.read(), "precious")
        self.assertIn("control", self.refusal("--dir", other, "--control", limb.socket))
        self.assertTrue(limb.command("status")["ok"])
        # A link may be taken over; then its first owner leaves it alone.
        taker = subprocess.Popen([PROGRAM, "--dir", other, "--generate", "--link", limb.link],
                                 stdout=subprocess.PIPE, text=True)
        self.addCleanup(taker.stdout.close)
        self.addCleanup(taker.wait)
        self.addCleanup(taker.terminate)
        pty = taker.stdout.readline().split()[1]
        limb.stop()
        self.assertEqual(os.readlink(limb.link), pty)

    def test_signals_clean_up(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            limb = self.limb("--generate")
            limb.process.send_signal(number)
            self.assertEqual(limb.process.wait(20), 0)
            self.assertFalse(os.path.lexists(limb.link))
            self.assertFalse(os.path.lexists(limb.socket))
            limb.control.close()
            limb.process.stdout.close()

    def test_line_that_goes_away(self):
        limb = self.limb("--generate")
        limb.stop()
        ours, its = socket.socketpair()
        with ours, its:
            limb.process = subprocess.Popen(
                [PROGRAM, "--dir", limb.state, "--generate", "--control", limb.socket,
                 "--fd", str(its.fileno())], pass_fds=[its.fileno()], stdout=subprocess.PIPE, text=True)
            self.assertTrue(limb.process.stdout.readline().startswith("ready"))
        limb.control = limb.connect()
        # An event is sent at once into a line whose other end is gone.
        for _ in range(20):
            limb.command("button")
        self.assertTrue(limb.command("status")["ok"])

    def test_quit(self):
        limb = self.limb("--generate")
        self.assertTrue(limb.command("quit")["ok"])
        self.assertEqual(limb.process.wait(20), 0)
        self.assertFalse(os.path.lexists(limb.link))
        self.assertFalse(os.path.exists(limb.socket))
        limb.control.close()
        limb.process.stdout.close()


class Tap(unittest.TextTestResult):
    """Says TAP."""

    count = 0

    def say(self, good, test, trace=""):
        """One case's line."""
        self.count += 1
        for line in trace.splitlines():
            print("# " + line)
        print("%s %d - %s" % ("ok" if good else "not ok", self.count, test.id().split(".")[-1]),
              flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.say(True, test)

    def addError(self, test, err):
        super().addError(test, err)
        self.say(False, test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(False, test, self.failures[-1][1])


if __name__ == "__main__":
    PROGRAM = sys.argv[1]
    CASES = unittest.defaultTestLoader.loadTestsFromTestCase(BinaryTest)
    print("1..%d" % CASES.countTestCases())
    RESULT = unittest.TextTestRunner(stream=open(os.devnull, "w", encoding="utf-8"),
                                     resultclass=Tap).run(CASES)
    sys.exit(0 if RESULT.wasSuccessful() else 1)
