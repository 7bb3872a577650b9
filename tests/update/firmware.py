#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Firmware onto a virtual arm through the real daemons: staging, policy, trial, queue, faults."""
import hashlib
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from firmware_shop import (FirmwareShop, Login, Object, Server, make, variant_dict,  # noqa: E402
                           wait_for)
from workshop import main, spin  # noqa: E402


def staged():
    """Handed in, or laid into a folder: what is trusted is offered, what is not says so."""
    with FirmwareShop() as shop:
        path, digest = shop.container("1.2.3", side="right", schema=7)
        firmware = shop.hand_in(path, source=("s", "a stick"))
        said = firmware.properties("Firmware1")
        assert said["Hash"] == digest and said["Version"] == "1.2.3" and said["Side"] == "right"
        assert said["Hardware"] == "simlimb-1" and said["Schema"] == 7 and said["Source"] == "a stick"
        assert said["Size"] == os.path.getsize(path) and said["Added"] > 0 and len(said["Signer"]) == 64
        update = shop.clinic.update

        def refuse(name, file, **options):
            with open(file, "rb") as stream:
                update.expect(name, "Update1.ImportFirmware", "(ha{sv})", 0, variant_dict(**options),
                              fds=[stream.fileno()])
        refuse("SignatureInvalid", shop.container("2.0.0", key="stranger", name="strange.bin")[0])
        refuse("UnknownOption", path, x=("b", True))
        damaged = shop.path("damaged.bin")
        with open(path, "rb") as stream:
            content = bytearray(stream.read())
        content[100] ^= 1
        for what, error in ((bytes(content), "Corrupt"), (bytes(content[:-1]), "Corrupt"), (b"", "Corrupt"),
                            (b"MZ" * 100, "Corrupt"), (bytes(400000), "LimitExceeded")):
            with open(damaged, "wb") as stream:
                stream.write(what)
            refuse(error, damaged)
        assert list(shop.offered()) == [digest]
        # A folder is watched; what nobody trusted signed is a problem, what is no container is nothing.
        folder = shop.path("firmware")
        second, other = shop.container("1.3.0", name="second.bin")
        os.rename(second, os.path.join(folder, "second.bin"))
        os.rename(shop.path("strange.bin"), os.path.join(folder, "strange.bin"))
        with open(os.path.join(folder, "README"), "w", encoding="ascii") as stream:
            stream.write("not firmware")
        wait_for(lambda: other in shop.offered() and update.get("Update1.Problems"), "second firmware")
        assert shop.offered()[other]["Source"] == os.path.join(folder, "second.bin")
        problem, = update.get("Update1.Problems")
        assert problem["error"].endswith("SignatureInvalid") and "strange.bin" in problem["message"]
        os.unlink(os.path.join(folder, "strange.bin"))
        os.unlink(os.path.join(folder, "second.bin"))
        wait_for(lambda: list(shop.offered()) == [digest] and not update.get("Update1.Problems"),
                 "folder as before")
        # After a restart it is all there again; at most so many are kept.
        shop.house.kill("update")
        shop.start_update()
        wait_for(lambda: shop.offered().get(digest, {}).get("Source") == "a stick", "offer")
        for number in range(17):
            shop.hand_in(shop.container("3.0.%d" % number, size=1000, name="many.bin")[0])
        assert len(shop.offered()) == 16 and digest not in shop.offered()


def trial_and_confirm():
    """Install, trial, confirm; a second, which nobody confirms; back by hand."""
    with FirmwareShop() as shop:
        first, second = shop.firmware("1.0.0"), shop.firmware("1.1.0", size=21000)
        job = shop.put(first)
        assert shop.slots.get("Slots1.Job") == job
        result = shop.jobs.succeed(job)
        shop.jobs.once(job)
        assert result["hash"] == first.get("Firmware1.Hash") and result["version"] == "1.0.0"
        assert result["slot"] in "AB" and result["bytes"] == first.get("Firmware1.Size")
        shop.runs(first, "trial")
        assert shop.slots.get("Slots1.FirmwareConfirmed") == ""
        assert shop.slots.get("Slots1.FirmwareVersion") == "1.0.0"
        shop.jobs.succeed(shop.about("Confirm"))
        shop.runs(first)
        assert shop.slots.get("Slots1.FirmwareConfirmed") == first.get("Firmware1.Hash")
        assert shop.story() == [("confirm", "1.0.0", ""), ("trial", "1.0.0", ""),
                                ("install", "1.0.0", "")], shop.story()
        # What runs already is not written again.
        before = shop.arm.tell("status")["flash_operations"]
        shop.jobs.succeed(shop.put(first))
        assert shop.arm.tell("status")["flash_operations"] - before < 5

        # Nobody confirms the second: the next start goes back, and the history says so.
        shop.jobs.succeed(shop.put(second))
        shop.runs(second, "trial")
        shop.arm.tell("power-cut")
        shop.arm.tell("power-on")
        shop.connected()
        shop.runs(first)
        wait_for(lambda: shop.story()[0] == ("revert", "1.1.0", ""), "revert")
        shop.jobs.fail(shop.about("Confirm"), "WrongState")
        # The same while nobody looks.
        shop.jobs.succeed(shop.put(second))
        shop.house.kill("update")
        shop.arm.tell("power-cut")
        shop.arm.tell("power-on")
        shop.connected()
        shop.start_update()
        wait_for(lambda: shop.state() == "idle", "slots that are known")
        shop.runs(first)
        assert shop.story()[0] == ("revert", "1.1.0", ""), shop.story()

        # Written now and tried later; a trial ended by hand.
        shop.jobs.fail(shop.about("StartTrial"), "WrongState")
        shop.jobs.succeed(shop.put(second, trial=("b", False)))
        shop.runs(first, "pending")
        shop.jobs.succeed(shop.about("StartTrial"))
        shop.runs(second, "trial")
        shop.jobs.fail(shop.about("StartTrial"), "WrongState")
        shop.jobs.fail(shop.put(shop.firmware("1.2.0")), "WrongState")
        result = shop.jobs.succeed(shop.about("RollBack"))
        assert result["hash"] == first.get("Firmware1.Hash")
        shop.runs(first)
        assert shop.story()[0] == ("roll-back", "1.0.0", ""), shop.story()
        # What never proved itself is not gone back to: there would be no way back from it.
        shop.jobs.fail(shop.about("RollBack"), "WrongState")
        shop.runs(first)
        shop.kept(second)


def refused_calls():
    """What cannot be is refused by name before a job begins."""
    with FirmwareShop() as shop:
        update, path = shop.clinic.update, shop.prosthesis.path
        firmware = shop.firmware()

        def refuse(name, *arguments, **options):
            update.expect(name, "Update1.InstallFirmware", "(ooa{sv})", *arguments, variant_dict(**options))
        refuse("NotFound", path + "x", firmware.path)
        refuse("NotFound", path, firmware.path + "x")
        refuse("NotFound", path, path)
        refuse("UnknownOption", path, firmware.path, x=("b", True))
        refuse("InvalidArgument", path, firmware.path, worn=("s", "yes"))
        refuse("Incompatible", path, shop.firmware("1.0.1", hardware="another").path)
        refuse("Incompatible", path, shop.firmware("1.0.2", side="left").path)
        for member in ("StartTrial", "Confirm", "RollBack"):
            for wrong in (("s", "bootloader"), ("b", True)):
                update.expect("InvalidArgument", "Update1." + member, "(oa{sv})", path,
                              variant_dict(image=wrong))
        for options in ({"worn": ("b", True)}, {"downgrade": ("b", True)},
                        {"image": ("s", "firmware"), "model": ("s", "0" * 8)}):
            update.expect("InvalidArgument", "Update1.RollBack", "(oa{sv})", path, variant_dict(**options))
        stranger = shop.clinic.prosthesis(shop.add_arm("other"))
        refuse("WrongState", stranger.path, firmware.path)
        shop.arm.tell("unplug")
        shop.clinic.prosthesis(shop.arm, connected=False)
        refuse("Disconnected", path, firmware.path)
        shop.jobs.fail(shop.about("Confirm"), "Disconnected")


def policy():
    """Charge, the wearer, the model, the version: each has its name, and its way round."""
    with FirmwareShop() as shop:
        first, second = shop.firmware("1.5.0"), shop.firmware("1.6.0")
        # The arm's battery: above what it demands itself, below what firmware demands.
        shop.arm.tell("battery", 25)
        spin(1)
        shop.jobs.fail(shop.put(first), "BatteryTooLow")
        assert shop.story()[0] == ("failed", "1.5.0", "BatteryTooLow")
        shop.kept(first, override=("b", True))
        shop.arm.tell("battery", 80)
        # The PC's battery.
        shop.power(BAT0={"type": "Battery", "capacity": 12, "status": "Discharging"},
                   AC={"type": "Mains", "online": 0})
        _, _, message, _ = shop.jobs.wait(job := shop.put(second))
        shop.jobs.fail(job, "BatteryTooLow")
        assert "PC" in message, message
        shop.power(AC={"online": 1})
        # The wearer.
        shop.arm.tell("worn", "on")
        shop.jobs.fail(shop.put(second), "NeedsUserAction")
        shop.jobs.succeed(shop.put(second, worn=("b", True)))
        shop.runs(second, "trial")
        shop.jobs.fail(shop.about("RollBack"), "NeedsUserAction")
        shop.jobs.succeed(shop.about("RollBack", worn=("b", True)))
        shop.runs(first)
        shop.arm.tell("worn", "off")
        # The version.
        older = shop.firmware("1.4.9")
        shop.jobs.fail(shop.put(older), "VersionTooOld")
        assert shop.slots.get("Slots1.FirmwareConfirmed") == first.get("Firmware1.Hash")
        shop.kept(older, downgrade=("b", True))
        # Back and forth between the slots; only the way to the older one is a downgrade.
        shop.jobs.succeed(shop.about("RollBack"))
        shop.runs(first)
        shop.jobs.fail(shop.about("RollBack"), "VersionTooOld")
        shop.jobs.succeed(shop.about("RollBack", downgrade=("b", True)))
        shop.runs(older)
        assert shop.story()[0] == ("roll-back", "1.4.9", ""), shop.story()


def with_a_model():
    """A model on the arm: firmware must understand it, and its trial is not cut short."""
    with FirmwareShop() as shop:
        model, firmware = shop.train(1), shop.firmware("1.0.0")
        shop.jobs.succeed(shop.install(model, trial=("b", False)))
        shop.jobs.fail(shop.put(firmware), "WrongState")
        shop.jobs.succeed(shop.call("StartTrial"))
        shop.jobs.fail(shop.put(firmware), "WrongState")
        shop.jobs.succeed(shop.call("Confirm"))
        poor = shop.firmware("1.0.1", schema=0)
        shop.jobs.fail(shop.put(poor), "Incompatible")
        shop.kept(firmware)
        shop.decides(model)
        # Both on trial at once: each is confirmed by itself.
        other, newer = shop.train(2), shop.firmware("1.1.0")
        shop.jobs.succeed(shop.put(newer))
        shop.jobs.succeed(shop.install(other))
        assert shop.state() == "trial"
        shop.jobs.succeed(shop.call("Confirm"))
        assert shop.state() == "idle" and shop.slots.get("Slots1.FirmwareState") == "trial"
        shop.jobs.succeed(shop.about("Confirm"))
        shop.runs(newer)
        shop.decides(other)


def queue():
    """Jobs about one arm wait for one another; those about two run side by side."""
    with FirmwareShop() as shop:
        other = shop.add_arm("other")
        prosthesis = shop.clinic.prosthesis(other)
        shop.clinic.bind(other, prosthesis, shop.clinic.create_patient(), side="left")
        wait_for(lambda: shop.clinic.has_slots(other), "known slots")
        first, second = shop.firmware("1.0.0", size=60000), shop.firmware("1.1.0")
        for arm in (shop.arm, other):
            arm.tell("baud", 115200)
        service = shop.clinic.update.service
        jobs = [shop.put(first), shop.put(second, trial=("b", False)), shop.about("RollBack")]
        theirs = shop.put(first, prosthesis)
        phases = [Object(shop.house, service, job).get("Job1.Phase") for job in jobs]
        assert phases[1:] == ["waiting", "waiting"] and phases[0] != "waiting", phases
        assert shop.slots.get("Slots1.Job") == jobs[0]
        assert shop.clinic.slots(other).get("Slots1.Job") == theirs
        shop.clinic.update.expect("Busy", "Update1.Confirm", "(oa{sv})", shop.prosthesis.path, {})
        more = [shop.about("RollBack") for _ in range(6)]
        shop.clinic.update.expect("Busy", "Update1.RollBack", "(oa{sv})", shop.prosthesis.path, {})
        for job in more:
            Object(shop.house, service, job).call("Job1.Cancel", "(a{sv})", {})
        for job in more:
            shop.jobs.fail(job, "Cancelled")
        # Killed: what waited still waits, in its order.
        wait_for(lambda: Object(shop.house, service, jobs[0]).get("Job1.Phase") == "uploading", "upload")
        shop.house.kill("update")
        shop.start_update()
        shop.jobs.succeed(jobs[0])
        # While the first is on trial nothing else is written; then the trial is ended by hand.
        shop.jobs.fail(jobs[1], "WrongState")
        shop.jobs.succeed(jobs[2])
        shop.jobs.succeed(theirs)
        shop.runs(None)
        for job in jobs + [theirs]:
            shop.jobs.once(job)


def inhibited():
    """The PC neither sleeps nor shuts down while something is written, and at no other time."""
    with FirmwareShop() as shop:
        login = Login(shop.house)
        firmware = shop.firmware("1.0.0", size=60000)
        shop.arm.tell("baud", 115200)
        job = Object(shop.house, shop.clinic.update.service, shop.put(firmware))
        wait_for(lambda: login.held() == 1, "lock")
        assert job.get("Job1.Phase") in ("uploading", "verifying")
        shop.jobs.succeed(job.path)
        wait_for(lambda: login.held() == 0, "end of the lock")
        assert login.asked == [("sleep:shutdown", "BionicPRO", login.asked[0][2], "block")], login.asked
        # What fails lets it go too.
        shop.jobs.succeed(shop.about("RollBack"))
        job = Object(shop.house, shop.clinic.update.service, shop.put(shop.firmware("1.1.0", size=70000)))
        wait_for(lambda: login.held() == 1, "lock")
        job.call("Job1.Cancel", "(a{sv})", {})
        shop.jobs.fail(job.path, "Cancelled")
        wait_for(lambda: login.held() == 0, "end of the lock")


def fetch(shop, url):
    """Starts to fetch; gives the job."""
    return shop.clinic.update.call("Update1.StageFirmware", "(sa{sv})", url, {})


def fetched():
    """From a server: once, and after a cut only the rest; not at all while it is unchanged."""
    with FirmwareShop() as shop, Server(shop) as server:
        path, digest = shop.container("1.0.0", size=200000)
        size = os.path.getsize(path)
        url = server.offer("firmware.bin", path)
        result = shop.jobs.succeed(job := fetch(shop, url))
        shop.jobs.once(job)
        assert result["hash"] == digest and result["version"] == "1.0.0"
        assert result["bytes"] == result["fetched"] == size and not result["unchanged"]
        assert shop.offered()[digest]["Source"] == url
        assert Object(shop.house, shop.clinic.update.service,
                      result["firmware"]).get("Firmware1.Hash") == digest
        result = shop.jobs.succeed(fetch(shop, url))
        assert result["unchanged"] and result["fetched"] == 0 and result["hash"] == digest
        assert "If-None-Match" in server.requests[-1]
        # Another file at the same address; the line breaks again and again, and it still comes.
        path, digest = shop.container("1.1.0", size=201000)
        server.offer("firmware.bin", path)
        server.cut_after = 80000
        before = len(server.requests)
        result = shop.jobs.succeed(fetch(shop, url))
        assert result["hash"] == digest and result["fetched"] == os.path.getsize(path), result
        ranges = [request.get("Range") for request in server.requests[before:]]
        assert ranges[0] is None and len(ranges) == 3 and all(ranges[1:]), ranges
        server.cut_after = None
        # Sent on to another place that is as safe; not to one that is not.
        server.redirect["latest"] = "/firmware.bin"
        assert shop.jobs.succeed(fetch(shop, server.url("latest")))["hash"] == digest
        for target in (server.url("firmware.bin", "http"), "ftp://localhost/x", ""):
            server.redirect["bad"] = target
            shop.jobs.fail(fetch(shop, server.url("bad")), "UpstreamRejected")
        server.redirect["loop"] = "/loop"
        shop.jobs.fail(fetch(shop, server.url("loop")), "UpstreamRejected")
        # Without ETags there is nothing to go by.
        server.etags = False
        server.offer("plain.bin", path)
        for _ in range(2):
            result = shop.jobs.succeed(fetch(shop, server.url("plain.bin")))
            assert result["fetched"] == os.path.getsize(path) and not result["unchanged"]


def fetch_resumed():
    """Cancelled or killed in the middle: what has come is not fetched again."""
    with FirmwareShop() as shop, Server(shop) as server:
        path, digest = shop.container("1.0.0", size=200000)
        url = server.offer("firmware.bin", path)

        def stalled():
            server.stall, server.cut_after = threading.Event(), 100000
            job = fetch(shop, url)
            wait_for(lambda: Object(shop.house, shop.clinic.update.service, job).get("Job1.Progress")
                     > 0.3, "half of it")
            return job
        job = stalled()
        shop.clinic.update.expect("Busy", "Update1.StageFirmware", "(sa{sv})", url, {})
        Object(shop.house, shop.clinic.update.service, job).call("Job1.Cancel", "(a{sv})", {})
        shop.jobs.fail(job, "Cancelled")
        server.stall.set()
        # The next one gets some more of it, and is killed; the process after that ends it.
        job = fetch_rest(shop, server, url)
        shop.house.kill("update")
        server.stall.set()
        server.stall, server.cut_after = None, None
        shop.start_update()
        result = shop.jobs.succeed(job)
        assert result["hash"] == digest
        assert 0 < result["fetched"] < os.path.getsize(path), result
        assert server.requests[-1].get("Range"), server.requests[-1]


def fetch_rest(shop, server, url):
    """Goes on with a fetch that is to stall once more; gives the job."""
    before = len(server.requests)
    server.stall, server.cut_after = threading.Event(), 50000
    job = fetch(shop, url)
    wait_for(lambda: len(server.requests) > before, "request")
    assert server.requests[-1]["Range"] == "bytes=100000-", server.requests[-1]
    wait_for(lambda: Object(shop.house, shop.clinic.update.service, job).get("Job1.Progress") > 0.6,
             "more of it")
    return job


def fetch_refused():
    """What must not be fetched, or cannot be, has its name."""
    with FirmwareShop() as shop, Server(shop) as server:
        update = shop.clinic.update
        for url in ("http://localhost/x", "file:///etc/passwd", "nonsense", "https://", "",
                    "https://user:secret@localhost/x", "https://localhost/" + "x" * 3000):
            update.expect("InvalidArgument", "Update1.StageFirmware", "(sa{sv})", url, {})
        update.expect("UnknownOption", "Update1.StageFirmware", "(sa{sv})", server.url("x"),
                      variant_dict(x=("b", True)))
        shop.jobs.fail(fetch(shop, server.url("absent")), "NotFound")
        server.offer("x", shop.container("1.0.0")[0])
        for status in (401, 403, 500, 503, 204):
            server.status = status
            shop.jobs.fail(fetch(shop, server.url("x")), "UpstreamRejected")
        server.status = None
        strange = shop.container("2.0.0", key="stranger", name="strange.bin")[0]
        shop.jobs.fail(fetch(shop, server.offer("strange", strange)), "SignatureInvalid")
        server.files["large"] = bytes(400000)
        shop.jobs.fail(fetch(shop, server.url("large")), "LimitExceeded")
        server.files["junk"] = bytes(1000)
        shop.jobs.fail(fetch(shop, server.url("junk")), "Corrupt")
        assert not shop.offered()
        # A server that nobody vouches for, and none at all.
        make("server", shop.path("server.pem"), shop.path("server-key.pem"))
        with Server(shop) as other:
            address = other.offer("x", shop.path("firmware-1.0.0-20000.bin"))
            # The services read whom they trust anew for each fetch.
            make("server", shop.path("server.pem"), shop.path("other-key.pem"))
            shop.jobs.fail(fetch(shop, address), "SignatureInvalid")
        shop.jobs.fail(fetch(shop, address), "Offline")


def fetch_without_room():
    """Without room on the disk a fetch ends as NoSpace; with room it works."""
    with FirmwareShop() as shop, Server(shop) as server:
        path, digest = shop.container("1.0.0", size=100000)
        url = server.offer("firmware.bin", path)
        part = os.path.join(shop.house.state("update"), "firmware", "fetch",
                            hashlib.sha256(url.encode()).hexdigest() + ".part")
        tracer = shop.trace("write:error=ENOSPC:when=1+", "-P", part)
        shop.jobs.fail(fetch(shop, url), "NoSpace")
        tracer.stop()
        assert shop.jobs.succeed(fetch(shop, url))["hash"] == digest


if __name__ == "__main__":
    main(staged, trial_and_confirm, refused_calls, policy, with_a_model, queue, inhibited, fetched, fetch_resumed,
         fetch_refused, fetch_without_room)
