#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""bionicpro-pairingd with virtual arms that run the firmware: on a USB bus, on slow and noisy lines, killed."""
import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.environ["BIONICPRO_TEST_SRCDIR"], "tests", "integration"))
from arm import Arm  # noqa: E402
from clinic import Clinic  # noqa: E402
from harness import BusError, GLib, House, main, spin, wait_for  # noqa: E402
from stage import bench  # noqa: E402
from stream import Stream  # noqa: E402


@contextlib.contextmanager
def clinic(parts=("pairing",), usb=False, arguments=()):
    """A house with some of the daemons."""
    if usb:
        bench()
    with House() as house:
        for part in parts:
            house.start(part, *(arguments if part == "pairing" else ()))
        yield Clinic(house)
        complaints = house.complaints()
        assert not complaints, complaints


def add_port(here, arm, **options):
    """Names an arm's line to the daemon."""
    here.pairing.call("Pairing1.AddPort", "(sa{sv})", arm.link, options)


def ports(here):
    """Ports, by path."""
    return {port["path"]: port for port in here.pairing.get("Pairing1.Ports")}


def usb():
    """Plugged in, pulled out, plugged in elsewhere."""
    with clinic(usb=True) as here:
        arm = Arm(here.house, "arm", "--generate", bench=bench())
        path = arm.plug(3)
        prosthesis = here.prosthesis(arm)
        assert prosthesis.get("Prosthesis1.Transport") == "usb"
        assert prosthesis.get("Prosthesis1.Port") == path
        assert ports(here)[path]["state"] == "prosthesis"
        assert ports(here)[path]["prosthesis"] == prosthesis.path
        stream = Stream(prosthesis, samples=True)
        wait_for(lambda: stream.samples > 100, "samples")
        arm.unplug()
        wait_for(lambda: stream.ended, "end of the stream")
        here.prosthesis(arm, connected=False)
        wait_for(lambda: path not in ports(here), "end of the port")
        arm.number = 4
        arm.replug()
        assert here.prosthesis(arm).get("Prosthesis1.Port").endswith("ttyACM4")


def other_usb_devices():
    """Only devices of a kind that arms are get opened; the command line knows more kinds."""
    for arguments, wanted in ((), False), (("--usb-id", "10C4:EA60"), True):
        with clinic(usb=True, arguments=arguments) as here:
            arm = Arm(here.house, "arm", "--generate", bench=bench())
            path = bench().plug(5, arm.link, vendor="10c4", product="ea60")
            if wanted:
                here.prosthesis(arm)
            else:
                spin(1)
                assert path not in ports(here), ports(here)
            bench().unplug(5)


def slow_line():
    """At 115,200 baud a stream of eight electrodes does not fit: what is lost is told, and calls still answer."""
    with clinic() as here:
        arm = Arm(here.house, "arm", "--generate", "--baud", "115200")
        add_port(here, arm, baud=GLib.Variant("u", 115200))
        prosthesis = here.prosthesis(arm)
        stream = Stream(prosthesis, samples=True)
        wait_for(lambda: stream.samples > 500, "samples")
        prosthesis.call("Prosthesis1.Refresh", "(a{sv})", {})
        counters = prosthesis.get("Prosthesis1.Counters")
        assert counters["samples"] > 0 and counters["bad_frames"] == 0, counters
        stream.close()


def noisy_line():
    """Three bytes in ten thousand are damaged: the arm is found and bound all the same."""
    with clinic(("records", "update", "pairing")) as here:
        arm = Arm(here.house, "arm", "--generate", "--noise-per-million", "300")
        add_port(here, arm)
        patient = here.create_patient()
        prosthesis = here.prosthesis(arm)
        for _ in range(10):
            wait_for(lambda: prosthesis.get("Prosthesis1.Connected"), "connection")
            if prosthesis.get("Prosthesis1.State") == "bound":
                break
            try:
                job = here.bind(arm, prosthesis, patient, press=False)
                wait_for(lambda j=job: here.object("pairing", j).get("Job1.Phase") in ("waiting", "recording")
                         or here.object("pairing", j).get("Job1.State") == "finished", "question")
                arm.tell("button")
                here.jobs.wait(job)
            except BusError as error:
                assert error.name in ("WrongState", "Busy"), error
        wait_for(lambda: prosthesis.get("Prosthesis1.State") == "bound", "bound arm")
        bindings = patient.get("Patient1.Bindings")
        assert [b["prosthesis"] for b in bindings] == [arm.device_id], bindings


def cancelled():
    """A cancelled Bind leaves nothing behind: a late press binds nobody, and the next one comes through."""
    with clinic(("records", "update", "pairing")) as here:
        arm = Arm(here.house, "arm", "--generate")
        add_port(here, arm)
        patient, prosthesis = here.create_patient(), here.prosthesis(arm)
        job = here.bind(arm, prosthesis, patient, press=False)
        here.request()
        here.object("pairing", job).call("Job1.Cancel", "(a{sv})", {})
        here.jobs.fail(job, "Cancelled")
        spin(0.3)
        arm.tell("button")
        spin(0.3)
        prosthesis.call("Prosthesis1.Refresh", "(a{sv})", {})
        assert prosthesis.get("Prosthesis1.State") == "unbound"
        here.bind(arm, prosthesis, patient)

        job = prosthesis.call("Prosthesis1.Unbind", "(a{sv})", {})
        here.request()
        arm.tell("button")
        here.jobs.succeed(job)
        assert prosthesis.get("Prosthesis1.State") == "unbound"
        assert patient.get("Patient1.Bindings")[0]["until"] > 0


def killed_while_binding():
    """Killed with -9 at every phase of Bind: the job ends once, and both sides say the same."""
    for phase in "checking", "waiting", "recording":
        with clinic(("records", "update", "pairing")) as here:
            arm = Arm(here.house, "arm", "--generate")
            add_port(here, arm)
            patient, prosthesis = here.create_patient(), here.prosthesis(arm)
            killed = []

            def kill(_path):
                here.house.kill("pairing")
                killed.append(True)
            here.jobs.on_phase(phase, kill)
            with contextlib.suppress(BusError):
                prosthesis.call("Prosthesis1.Bind", "(sosa{sv})", arm.code, patient.path, "left", {})
            if phase == "recording":
                here.request()
                arm.tell("button")
            wait_for(lambda: killed, "the phase " + phase)
            here.house.start("pairing")
            prosthesis = here.prosthesis(arm)
            if phase == "waiting":
                here.request()
                arm.tell("button")
            path = "/org/bionicpro/Pairing1/job/1"
            success, error, _, _ = here.jobs.wait(path)
            assert success == (phase in ("waiting", "recording")), (phase, error)
            here.jobs.once(path)
            state = prosthesis.get("Prosthesis1.State")
            bound = [b for b in patient.get("Patient1.Bindings") if b["until"] == 0]
            assert (state == "bound") == success and len(bound) == success, (phase, state, bound)


def wrong_usage():
    """The command line is checked."""
    with House() as house:
        for arguments in (("--usb-id", "nonsense"), ("--maker-ca", "/no/such/file"),
                          ("--forget", "nobody")):
            process = house.start("pairing", *arguments, wait=False)
            wait_for(lambda p=process: not p.running(), "end of the daemon")
            assert process.child.returncode == 1, process.child.returncode


def maker_ca():
    """With --maker-ca only arms with a certificate of these makers are believed."""
    with House() as first:
        arm = Arm(first, "made", "--generate")
        arm.stop()
        certificate = os.path.join(arm.directory, "maker-ca.pem")
        names = sorted(os.listdir(arm.directory))
        assert os.path.exists(certificate), names
        with clinic(arguments=("--maker-ca", certificate)) as here:
            good, other = Arm(here.house, "good", "--generate", "--ca", arm.directory), \
                Arm(here.house, "other", "--generate")
            add_port(here, other)
            add_port(here, good)
            here.prosthesis(good)
            wait_for(lambda: ports(here)[other.link]["state"] == "failed", "refusal")
            assert ports(here)[other.link]["error"].endswith("WrongProsthesis")


def forget():
    """An arm with a new secure element is refused until its old key is forgotten."""
    with clinic() as here:
        old = Arm(here.house, "old", "--generate", "--device-id", "BP-7")
        add_port(here, old)
        here.prosthesis(old)
        old.stop()
        new = Arm(here.house, "new", "--generate", "--device-id", "BP-7")
        add_port(here, new)
        wait_for(lambda: ports(here)[new.link]["state"] == "failed", "refusal")
        assert ports(here)[new.link]["error"].endswith("WrongProsthesis")
        here.house.daemons["pairing"].stop()
        here.house.start("pairing", "--forget", "BP-7")
        prosthesis = here.prosthesis(new)
        assert prosthesis.get("Prosthesis1.Port") == new.link


if __name__ == "__main__":
    main(forget, usb, other_usb_devices, slow_line, noisy_line, cancelled, killed_while_binding, wrong_usage, maker_ca)
