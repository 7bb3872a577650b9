#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`bionicctl sign`: containers that others believe, keys in files and in a token, and what goes wrong.

The token is SoftHSM's, in a folder of its own; the containers are verified by the arm's own code (--verify), by
mcuboot.py, and by an arm they are uploaded to.
"""
import contextlib
import hashlib
import json
import os
import pty
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "simlimb"))

import mcuboot  # noqa: E402  pylint: disable=wrong-import-position
import smp  # noqa: E402  pylint: disable=wrong-import-position
from harness import PATIENCE, SOURCE, Skip, main, program  # noqa: E402  pylint: disable=wrong-import-position

PIN, WRONG_PIN = "270182", "314159"
TOKEN = "pkcs11:token=bionicpro-test;object="
MODEL = os.path.join(SOURCE, "tests", "fuzz", "corpus", "bpm", "good")
SIGNATURE = 7  # the arm's error for a signature that does not hold
PAYLOAD = random.Random(3072).randbytes(20001)


def tool(*command, **environment):
    """Runs a tool of GnuTLS or SoftHSM to its good end; returns what it printed."""
    if not shutil.which(command[0]):
        raise Skip("there is no %s" % command[0])
    done = subprocess.run(command, env=dict(os.environ, **environment), capture_output=True, text=True, check=False,
                          timeout=PATIENCE)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


class Desk:
    """A folder with a program, keys and perhaps a token, and bionicctl in it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bionicpro-")
        # What GnuTLS finds of other tokens on this machine is none of this.
        self.environment = dict(os.environ, HOME=self.folder, SOFTHSM2_CONF=self.path("softhsm2.conf"))
        self.write("program.bin", PAYLOAD)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def path(self, name):
        """Where a file of the folder lies."""
        return os.path.join(self.folder, name)

    def write(self, name, data):
        """Writes a file; returns its name."""
        with open(self.path(name), "wb") as stream:
            stream.write(data if isinstance(data, bytes) else data.encode())
        return name

    def read(self, name):
        """Reads a file."""
        with open(self.path(name), "rb") as stream:
            return stream.read()

    def run(self, *arguments, status=0, **environment):
        """Runs `bionicctl sign`; returns the completed process."""
        done = subprocess.run([program("bionicctl"), "sign", *arguments], cwd=self.folder, check=False,
                              env=dict(self.environment, **environment), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=PATIENCE, start_new_session=True)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        for sign in ("CRITICAL", "Sanitizer", "runtime error"):
            assert sign not in done.stderr, done.stderr
        return done

    def sign(self, key, *arguments, status=0, **environment):
        """Signs the program for an arm."""
        return self.run("--json", "--key", key, "--version", "1.2.3+4", "--hardware", "simlimb-1", *arguments,
                        "program.bin", "program.img", status=status, **environment)

    def refused(self, key, *arguments, name, status, says=""):
        """Signs in vain: the named error, and what was there before is left as it was."""
        self.write("program.img", "as it was")
        answer = json.loads(self.sign(key, *arguments, status=status).stdout)
        assert answer["error"].split(".")[-1] == name and says in answer["message"], answer
        assert self.read("program.img") == b"as it was"
        assert not [left for left in os.listdir(self.folder) if left.startswith("program.img.")]
        return answer

    def make_key(self, name, *options):
        """A private key in a file and its public half beside it."""
        tool("certtool", "--generate-privkey", "--pkcs8", "--password=", *options, "--outfile", self.path(name))
        public = tool("certtool", "--load-privkey", self.path(name), "--pubkey-info")
        self.write("public-" + name, public[public.index("-----BEGIN PUBLIC KEY"):])

    def make_rsa_key(self, name="key.pem"):
        """One that signs; returns the public half."""
        self.make_key(name, "--key-type=rsa", "--bits=3072")
        return mcuboot.Key(mcuboot.read_pem(self.read("public-" + name).decode()))

    def make_token(self):
        """A token with an RSA key of 3072 bits that was made in it; returns the public half."""
        os.mkdir(self.path("tokens"))
        self.write("softhsm2.conf", "directories.tokendir = %s\nobjectstore.backend = file\n" % self.path("tokens"))
        self.write("pin", PIN + "\n")
        self.write("wrong-pin", WRONG_PIN + "\n")
        environment = {"SOFTHSM2_CONF": self.path("softhsm2.conf"), "GNUTLS_PIN": PIN}
        tool("softhsm2-util", "--init-token", "--free", "--label", "bionicpro-test", "--pin", PIN, "--so-pin", "0000",
             **environment)
        self.make_token_key("firmware", 3072)
        public = tool("p11tool", "--batch", "--export-pubkey", TOKEN + "firmware;type=public", **environment)
        return mcuboot.Key(mcuboot.read_pem(public[public.index("-----BEGIN"):]))

    def make_token_key(self, label, bits):
        """One more key in the token."""
        tool("p11tool", "--batch", "--login", "--generate-privkey=rsa", "--bits", str(bits), "--label", label,
             "pkcs11:token=bionicpro-test", SOFTHSM2_CONF=self.path("softhsm2.conf"), GNUTLS_PIN=PIN)


def check(desk, key, said=None, payload=PAYLOAD):
    """A container by the other verifier, and what was said of it."""
    container = mcuboot.Container(desk.read("program.img"))
    container.verify(key)
    assert container.payload == payload and container.total == len(desk.read("program.img"))
    assert not container.padding.strip(b"\0") and container.load == 0 and container.flags == 0
    if said is not None:
        assert said["hash"] == container.digest.hex() and said["key"] == key.hash.hex(), said
        assert said["size"] == container.total and said["payload"] == len(payload), said
        assert said["header"] == container.header_size and said["holds"] is True, said
    return container


def test_file():
    """A key in a file: claims, version, header and hash are what was asked for, and --verify says the same."""
    with Desk() as desk:
        key = desk.make_rsa_key()
        said = json.loads(desk.sign("key.pem", "--side", "left", "--schema", "7", "--header-size", "512").stdout)
        container = check(desk, key, said)
        assert container.version == (1, 2, 3, 4) and container.header_size == 512
        assert container.claims == {mcuboot.HARDWARE: b"simlimb-1", mcuboot.SIDE: b"left",
                                    mcuboot.SCHEMA: b"\7\0\0\0"}
        again = json.loads(desk.run("--json", "--verify", "--key", "public-key.pem", "program.img").stdout)
        assert again == said and said["version"] == "1.2.3+4" and said["side"] == "left", (again, said)

        desk.sign("key.pem")
        container = check(desk, key)
        assert container.claims == {mcuboot.HARDWARE: b"simlimb-1"} and container.header_size == 32
        text = desk.run("--verify", "--key", "public-key.pem", "program.img").stdout
        assert "simlimb-1" in text and container.digest.hex() in text, text

        # Nothing is claimed: the arm would refuse it, and that is said.
        done = desk.run("--key", "key.pem", "--version", "0.0.1", "program.bin", "program.img")
        assert check(desk, key).claims == {} and "hardware" in done.stderr, done.stderr


def test_forms_of_keys():
    """PEM and DER, and encrypted; what is no RSA key of 3072 bits is refused."""
    with Desk() as desk:
        key = desk.make_rsa_key()
        desk.write("key.der", mcuboot.read_pem(desk.read("key.pem").decode()))
        desk.write("public.der", mcuboot.read_pem(desk.read("public-key.pem").decode()))
        desk.sign("key.der")
        check(desk, key)
        desk.run("--verify", "--key", "public.der", "program.img")

        tool("certtool", "--to-p8", "--pkcs-cipher=aes-256", "--password=" + PIN, "--load-privkey",
             desk.path("key.pem"), "--outfile", desk.path("encrypted.pem"))
        desk.write("pin", PIN)
        desk.write("wrong-pin", WRONG_PIN)
        desk.sign("encrypted.pem", "--pin-file", "pin")
        check(desk, key)
        desk.refused("encrypted.pem", "--pin-file", "wrong-pin", name="AuthorizationDismissed", status=4, says="wrong")
        desk.refused("encrypted.pem", name="AuthorizationDismissed", status=4, says="needed")
        desk.refused("encrypted.pem", "--pin-file", "nowhere", name="NotFound", status=3, says="nowhere")
        desk.write("pin", "\n" + PIN)
        desk.refused("encrypted.pem", "--pin-file", "pin", name="InvalidArgument", status=2, says="no PIN")

        desk.make_key("short.pem", "--key-type=rsa", "--bits=2048")
        desk.make_key("curve.pem", "--key-type=ecdsa", "--curve=secp256r1")
        for name in ("short.pem", "curve.pem"):
            desk.refused(name, name="InvalidArgument", status=2, says="3072")
            desk.run("--verify", "--key", "public-" + name, "program.bin", status=2)
        desk.refused("public-key.pem", name="InvalidArgument", status=2, says="no key")
        desk.refused("nowhere.pem", name="NotFound", status=3, says="nowhere.pem")
        desk.refused("/dev/null", name="InvalidArgument", status=2)


def test_damaged():
    """A container changed anywhere is refused, and so is another key's; it is said which of both it is."""
    with Desk() as desk:
        desk.make_rsa_key()
        desk.make_rsa_key("other.pem")
        desk.sign("key.pem")
        good = desk.read("program.img")
        answer = json.loads(desk.run("--json", "--verify", "--key", "public-other.pem", "program.img", status=6).stdout)
        assert answer["error"].endswith("SignatureInvalid") and answer["result"]["holds"] is False, answer
        assert answer["result"]["version"] == "1.2.3+4", answer
        source = random.Random(9)
        places = [0, 9, 11, 13, 21, 33, 5000, len(good) - 1, len(good) - 384, len(good) - 389, len(good) - 430]
        for at in places + [source.randrange(len(good)) for _ in range(15)]:
            broken = bytearray(good)
            broken[at] ^= 1 << source.randrange(8)
            desk.write("broken.img", bytes(broken))
            done = desk.run("--json", "--verify", "--key", "public-key.pem", "broken.img",
                            status=6 if at >= len(good) - 420 and at not in range(len(good) - 388, len(good) - 384)
                            else 1)
            assert json.loads(done.stdout)["ok"] is False, at
        for length in (0, 20, 32, 1000, len(good) - 1):
            desk.write("broken.img", good[:length])
            desk.run("--verify", "--key", "public-key.pem", "broken.img", status=1)


def test_other_salts():
    """The chip's ROM takes a salt of 32 bytes and no other; neither does --verify."""
    with Desk() as desk:
        desk.make_rsa_key()
        desk.sign("key.pem")
        good = desk.read("program.img")
        private = mcuboot.read_private(desk.read("key.pem").decode())
        for length, status in ((32, 0), (0, 6), (20, 6), (33, 6), (64, 6)):
            signature = mcuboot.sign_pss(private, mcuboot.Container(good).digest, bytes(range(length)))
            desk.write("program.img", good[:-384] + signature)
            desk.run("--verify", "--key", "public-key.pem", "program.img", status=status)


def test_token():
    """A key that never leaves its token, its PIN from a file of ours, or of the URI in either form."""
    with Desk() as desk:
        key = desk.make_token()
        said = json.loads(desk.sign(TOKEN + "firmware;type=private", "--pin-file", "pin").stdout)
        check(desk, key, said)
        for form in (";pin-source=", ";pin-source=file:", "?pin-source=file:", ";pin-source=file://"):
            os.unlink(desk.path("program.img"))
            desk.sign(TOKEN + "firmware" + form + desk.path("pin"))
            check(desk, key)
        desk.run("--verify", "--key", TOKEN + "firmware;type=public", "program.img")
        # Every signature has a salt of its own.
        first = desk.read("program.img")
        desk.sign(TOKEN + "firmware", "--pin-file", "pin")
        second = desk.read("program.img")
        assert first[:-384] == second[:-384] and first[-384:] != second[-384:]


def test_token_refuses():
    """Wrong PIN, no PIN, no token, no key, a short one: an error of its own each, and nothing is written."""
    with Desk() as desk:
        desk.make_token()
        desk.make_token_key("short", 2048)
        pin = ("--pin-file", "pin")
        desk.refused(TOKEN + "firmware", "--pin-file", "wrong-pin", name="AuthorizationDismissed", status=4, says="wrong")
        desk.refused(TOKEN + "firmware;pin-source=" + desk.path("wrong-pin"), name="AuthorizationDismissed", status=4,
                     says="wrong")
        desk.refused(TOKEN + "firmware", name="AuthorizationDismissed", status=4, says="needed")
        desk.refused(TOKEN + "firmware;pin-value=" + PIN, name="InvalidArgument", status=2, says="pin-value")
        desk.refused("pkcs11:token=elsewhere;object=firmware", *pin, name="NotFound", status=3, says="no such token")
        desk.refused(TOKEN + "other", *pin, name="NotFound", status=3, says="no such key")
        desk.refused(TOKEN + "short", *pin, name="InvalidArgument", status=2, says="3072")
        desk.refused("pkcs11:nonsense", *pin, name="InvalidArgument", status=2, says="no key")
        shutil.rmtree(desk.path("tokens"))
        os.mkdir(desk.path("tokens"))
        desk.refused(TOKEN + "firmware", *pin, name="NotFound", status=3, says="no such token")


def ask(desk, keys):
    """Signs at a terminal where somebody types; returns the exit status and what the terminal showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(desk.folder)
        os.execve(program("bionicctl"), ["bionicctl", "sign", "--key", TOKEN + "firmware", "--version", "1.2.3",
                                         "--hardware", "simlimb-1", "program.bin", "program.img"], desk.environment)
    shown, end, status = b"", time.monotonic() + PATIENCE, None
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            with contextlib.suppress(OSError):  # so says a terminal whose other side has gone
                shown += os.read(terminal, 4096)
        if keys and b": " in shown:
            os.write(terminal, keys)
            keys = b""
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            break
    else:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        raise AssertionError("it does not end: %r" % shown)
    with contextlib.suppress(OSError):
        while select.select([terminal], [], [], 0)[0]:
            shown += os.read(terminal, 4096)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode()


def test_pin_at_the_terminal():
    """The PIN is asked for by the token's name and not shown; a wrong one is asked for once; it can be given up."""
    with Desk() as desk:
        key = desk.make_token()
        code, shown = ask(desk, (PIN + "x\x7f\r").encode())
        assert code == 0 and "bionicpro-test" in shown and PIN[:3] not in shown, (code, shown)
        check(desk, key)
        code, shown = ask(desk, ("nonsense\x15" + PIN + "\r").encode())
        assert code == 0 and PIN[:3] not in shown, (code, shown)
        code, shown = ask(desk, (WRONG_PIN + "\r").encode())
        assert code == 4 and shown.count("PIN of") == 1 and "wrong" in shown, (code, shown)
        code, shown = ask(desk, b"12\x03")
        assert code == 4 and "needed" in shown, (code, shown)


def test_usage():
    """What cannot be is said before the key is touched."""
    with Desk() as desk:
        desk.make_rsa_key()
        files = ("program.bin", "program.img")
        whole = ("--key", "key.pem", "--version", "1.2.3")
        for arguments in (("--version", "1.2.3", *files), ("--key", "key.pem", *files), whole, (*whole, "program.bin"),
                          ("--key", "key.pem", "--version", "1.2", *files), (*whole, "--side", "both", *files),
                          (*whole, "--header-size", "31", *files), (*whole, "--header-size", "70000", *files),
                          (*whole, "--header-size", "-4", *files), (*whole, "--schema", "-1", *files),
                          (*whole, "--hardware", "x" * 32, *files), (*whole, "--hardware", "", *files),
                          (*whole, *files, "more"), ("--verify", "program.img"),
                          ("--verify", "--key", "public-key.pem", *files)):
            desk.run(*arguments, status=2)
            assert not os.path.exists(desk.path("program.img")), arguments
        assert "1.2.3+4" in desk.run("--help").stdout
        desk.run(*whole, "nowhere", "program.img", status=3)
        desk.run(*whole, "program.bin", "nowhere/program.img", status=3)
        desk.write("empty", "")
        desk.run(*whole, "empty", "program.img", status=2)


def test_model():
    """A model is looked into, and its schema is claimed."""
    with Desk() as desk:
        key = desk.make_rsa_key()
        with open(MODEL, "rb") as stream:
            model = stream.read()
        desk.write("model.bpm", model)
        whole = ("--key", "key.pem", "--version", "1.2.3", "--hardware", "simlimb-1")
        desk.run(*whole, "--side", "any", "model.bpm", "program.img")
        container = check(desk, key, payload=model)
        assert container.claims[mcuboot.SCHEMA] == model[4:6] + b"\0\0", container.claims
        assert "side" in desk.run(*whole, "model.bpm", "program.img").stderr
        desk.write("broken.bpm", model[:-1] + bytes([model[-1] ^ 1]))
        desk.run(*whole, "broken.bpm", "other.img", status=1)
        desk.write("future.bpm", model[:4] + b"\xff\xff" + model[6:])
        desk.run(*whole, "future.bpm", "other.img", status=6)
        # Twice in a container is once too much.
        desk.run(*whole, "program.img", "other.img", status=2)
        assert not os.path.exists(desk.path("other.img"))


def upload(arm, image, data):
    """Uploads a container; returns the arm's last answer."""
    at, answer = 0, {}
    while at < len(data) and answer.get("rc", 0) == 0 and "err" not in answer:
        request = {"image": image, "off": at, "data": data[at:at + 256]}
        if at == 0:
            request.update(len=len(data), sha=hashlib.sha256(data).digest())
        answer = arm.write(1, 1, request)
        at = answer.get("off", at)
    return answer


def test_arm_takes_it():
    """An arm that was made with the public key takes firmware that the private one signed, and no other."""
    with Desk() as desk:
        desk.make_rsa_key()
        desk.make_rsa_key("other.pem")
        limb = subprocess.Popen([program("simlimb"), "--dir", desk.path("arm"), "--manufacture", "--release-key",
                                 desk.path("public-key.pem"), "--link", desk.path("tty")], stdout=subprocess.PIPE)
        try:
            assert limb.stdout.readline().startswith(b"ready")
            arm = smp.Arm(desk.path("tty"))
            desk.sign("other.pem")
            answer = upload(arm, 0, desk.read("program.img"))
            assert answer.get("err") == {"group": 64, "rc": SIGNATURE}, answer
            desk.sign("key.pem")
            answer = upload(arm, 0, desk.read("program.img"))
            assert "err" not in answer and answer["match"] is True, answer
            digest = mcuboot.Container(desk.read("program.img")).digest
            slots = [slot for slot in arm.read(1, 0)["images"] if slot.get("hash") == digest]
            assert [(slot["bootable"], slot["version"]) for slot in slots] == [(True, "1.2.3.4")], slots
            arm.close()
        finally:
            limb.terminate()
            limb.wait(PATIENCE)
            limb.stdout.close()


if __name__ == "__main__":
    main(test_file, test_forms_of_keys, test_damaged, test_other_salts, test_token, test_token_refuses,
         test_pin_at_the_terminal, test_usage, test_model, test_arm_takes_it)
