#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Models onto a virtual arm through the real daemons."""
import hashlib
import os
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from workshop import (GLib, Object, ROOTS, Workshop, main, spin, variant_dict,  # noqa: E402
                      wait_for)


def clinic_key():
    """The key is made once, an RSA key of 3072 bits, and is the same after a restart."""
    with Workshop() as shop:
        update = shop.clinic.update
        key = bytes(update.call("Update1.GetClinicKey", "(a{sv})", {}))
        assert update.get("Update1.ClinicKey") == hashlib.sha256(key).hexdigest()
        assert 400 < len(key) < 440
        path = os.path.join(shop.house.state("update"), "clinic-key.pem")
        assert os.stat(path).st_mode & 0o777 == 0o600
        shop.house.kill("update")
        shop.house.start("update")
        assert bytes(update.call("Update1.GetClinicKey", "(a{sv})", {})) == key
        update.expect("UnknownOption", "Update1.GetClinicKey", "(a{sv})",
                      {"x": GLib.Variant("b", True)})
        assert update.get("Update1.State") == "ready" and update.get("Update1.Problems") == []
        assert update.get("Update1.Version") and update.get("Update1.Features") == ["firmware"]
        shop.house.kill("update")
        with open(path, "w", encoding="ascii") as stream:
            stream.write("not a key")
        shop.house.start("update")
        wait_for(lambda: update.get("Update1.State") == "degraded", "reported problem")
        assert update.get("Update1.Problems")[0]["error"].endswith("VaultNoKey")
        update.expect("VaultNoKey", "Update1.GetClinicKey", "(a{sv})", {})
        with open(path, encoding="ascii") as stream:
            assert stream.read() == "not a key"
        # Neither is what cannot be read at all replaced by a new key, which no arm knows.
        shop.house.kill("update")
        os.unlink(path)
        os.mkdir(path)
        shop.house.start("update")
        update.expect("VaultNoKey", "Update1.GetClinicKey", "(a{sv})", {})
        assert os.path.isdir(path)


def install_and_confirm():
    """Install, trial, confirm; a second model; back in one step, from the slot and from the disk."""
    with Workshop() as shop:
        models = [shop.train(seed) for seed in (1, 2, 3)]
        hashes = [model.get("Model1.Hash") for model in models]
        shop.decides(None)
        job = shop.install(models[0])
        assert shop.slots.get("Slots1.Job") == job
        result = shop.jobs.succeed(job)
        shop.jobs.once(job)
        assert result["model"] == hashes[0] and result["slot"] in "AB" and result["seconds"] > 0
        assert len(result["hash"]) == 64 and result["bytes"] > models[0].get("Model1.Size")
        assert shop.state() == "trial" and shop.slots.get("Slots1.TrialEnds") > 0
        assert shop.slots.get("Slots1.Job") == "/" and shop.active() == hashes[0]
        assert shop.slots.get("Slots1.Prosthesis") == shop.prosthesis.path
        assert shop.slots.get("Slots1.Confirmed") == ""
        shop.decides(models[0])
        shop.jobs.succeed(shop.call("Confirm"))
        assert shop.state() == "idle" and shop.slots.get("Slots1.Confirmed") == hashes[0]
        shop.confirmed(models[1])
        shop.decides(models[1])
        slots = [slot for slot in shop.slots.get("Slots1.Slots") if slot["image"] == "model"]
        assert {slot["model"] for slot in slots} == set(hashes[:2]), slots
        assert [slot["active"] for slot in slots if slot["model"] == hashes[1]] == [True]
        shop.confirmed(models[2])
        assert shop.history()[:3] == [("confirm", hashes[2], ""), ("trial", hashes[2], ""),
                                      ("install", hashes[2], "")], shop.history()
        # The one before is still in the other slot, the one before that has to be written again.
        for model in models:
            model.call("Model1.Delete", "(a{sv})", {})
        result = shop.jobs.succeed(shop.call("RollBack"))
        assert result["model"] == hashes[1]
        assert shop.active() == hashes[1] == shop.slots.get("Slots1.Confirmed")
        result = shop.jobs.succeed(shop.call("RollBack", model=("s", hashes[0][:12])))
        assert result["model"] == hashes[0] and result["bytes"] > 0
        assert shop.active() == hashes[0] == shop.slots.get("Slots1.Confirmed")
        assert shop.state() == "idle"
        assert shop.history()[0] == ("roll-back", hashes[0], "")
        # Right after a start, when it is not known yet which arms there are, calls wait for that.
        shop.house.kill("update")
        shop.house.start("update")
        assert shop.jobs.succeed(shop.call("RollBack"))["model"] == hashes[1]


def containers_for_anybody():
    """What is kept can be verified by MCUboot's rules alone, with whole numbers and SHA-256."""
    with Workshop() as shop:
        model = shop.train(1)
        result = shop.confirmed(model)
        key = bytes(shop.clinic.update.call("Update1.GetClinicKey", "(a{sv})", {}))
        path = os.path.join(shop.house.state("update"), "containers", result["hash"])
        with open(path, "rb") as stream:
            container = stream.read()
        payload, claims = verify(container, key, result["hash"])
        assert len(container) == result["bytes"]
        assert hashlib.sha256(payload).hexdigest() == model.get("Model1.Hash")
        properties = shop.prosthesis.properties("Prosthesis1")
        assert claims[0xa0].decode() == properties["Hardware"]
        assert claims[0xa1].decode() == properties["Side"]
        assert struct.unpack("<I", claims[0xa2])[0] == properties["Schema"]


def verify(container, key, name):
    """Takes a container apart and verifies hash, key and signature; gives payload and claims."""
    magic, _, header, protected, size, flags = struct.unpack("<IIHHII", container[:20])
    assert (magic, header, flags) == (0x96f3b83d, 32, 0)
    claims = tlvs(container, header + size, 0x6908, protected)
    end = header + size + protected
    rest = tlvs(container, end, 0x6907, len(container) - end)
    digest = hashlib.sha256(container[:end]).digest()
    assert rest[0x10] == digest and digest.hex() == name
    # The RSAPublicKey is what the BIT STRING of the SubjectPublicKeyInfo holds.
    rsa = key[key.index(b"\x03\x82") + 5:]
    assert rest[0x01] == hashlib.sha256(rsa).digest()
    modulus = int.from_bytes(rsa[8:8 + 385], "big")
    assert modulus.bit_length() == 3072 and rsa[-5:] == b"\x02\x03\x01\x00\x01"
    encoded = pow(int.from_bytes(rest[0x23], "big"), 65537, modulus).to_bytes(384, "big")
    assert pss_holds(encoded, digest)
    return container[header:header + size], claims


def tlvs(container, start, magic, length):
    """The type-length-value entries of an area."""
    found, total = struct.unpack("<HH", container[start:start + 4])
    assert (found, total) == (magic, length), (found, total)
    at, entries = start + 4, {}
    while at < start + length:
        kind, size = struct.unpack("<HH", container[at:at + 4])
        entries[kind] = container[at + 4:at + 4 + size]
        at += 4 + size
    return entries


def pss_holds(encoded, digest):
    """EMSA-PSS-VERIFY of RFC 8017, 9.1.2: SHA-256, a salt of 32 bytes, 3071 bits."""
    masked, hashed, trailer = encoded[:351], encoded[351:383], encoded[383]
    mask = b"".join(hashlib.sha256(hashed + struct.pack(">I", i)).digest() for i in range(11))[:351]
    block = bytearray(a ^ b for a, b in zip(masked, mask))
    block[0] &= 0x7f
    salt = bytes(block[-32:])
    return (trailer == 0xbc and not encoded[0] & 0x80 and not any(block[:-33]) and block[-33] == 1
            and hashlib.sha256(bytes(8) + digest + salt).digest() == hashed)


def refused_calls():
    """What cannot be is refused by name before a job begins."""
    with Workshop() as shop:
        update, path = shop.clinic.update, shop.prosthesis.path
        model = shop.train(1)

        def refuse(name, member, signature, *arguments):
            update.expect(name, "Update1." + member, signature, *arguments)

        refuse("NotFound", "Install", "(ooa{sv})", path + "x", model.path, {})
        refuse("NotFound", "Install", "(ooa{sv})", path, model.path + "x", {})
        refuse("NotFound", "Install", "(ooa{sv})", path, path, {})
        refuse("UnknownOption", "Install", "(ooa{sv})", path, model.path, variant_dict(x=("b", True)))
        for seconds in (0, 9, 86401):
            refuse("InvalidArgument", "Install", "(ooa{sv})", path, model.path,
                   variant_dict(trial_seconds=("u", seconds)))
            refuse("InvalidArgument", "StartTrial", "(oa{sv})", path,
                   variant_dict(seconds=("u", seconds)))
        for member in ("StartTrial", "Confirm", "RollBack"):
            refuse("NotFound", member, "(oa{sv})", path + "x", {})
            refuse("UnknownOption", member, "(oa{sv})", path, variant_dict(x=("b", True)))
        refuse("InvalidArgument", "RollBack", "(oa{sv})", path, variant_dict(model=("s", "abc")))

        # A model that the registry has refused needs somebody who insists.
        worse = shop.train(2).path
        shop.refuse(worse)
        refuse("ModelWorse", "Install", "(ooa{sv})", path, worse, {})
        job = update.call("Update1.Install", "(ooa{sv})", path, worse, variant_dict(
            override=("b", True), trial=("b", False)))
        # One confirms what one has seen on trial, not what comes of work that is under way.
        refuse("Busy", "Confirm", "(oa{sv})", path, {})
        shop.jobs.succeed(job)
        assert shop.state() == "pending"
        shop.decides(None)

        # Another arm that is bound to nobody, and that the model was not made for.
        other = shop.add_arm("other")
        stranger = shop.clinic.prosthesis(other)
        refuse("WrongState", "Install", "(ooa{sv})", stranger.path, model.path, {})
        shop.clinic.bind(other, stranger, shop.clinic.create_patient(), side="left")
        refuse("Incompatible", "Install", "(ooa{sv})", stranger.path, model.path, {})
        other.tell("unplug")
        shop.clinic.prosthesis(other, connected=False)
        refuse("Disconnected", "Install", "(ooa{sv})", stranger.path, model.path, {})
        shop.jobs.fail(update.call("Update1.Confirm", "(oa{sv})", stranger.path, {}), "Disconnected")


def charge(shop, percent):
    """Charges the battery, and gives the arm's guard time to notice: it looks every second."""
    shop.arm.tell("battery", percent)
    spin(2.5)


def refused_jobs():
    """What the arm refuses is told by name, and the arm stays as it was."""
    with Workshop() as shop:
        first, second = shop.train(1), shop.train(2)
        shop.jobs.fail(shop.call("StartTrial"), "WrongState")
        shop.jobs.fail(shop.call("Confirm"), "WrongState")
        shop.jobs.fail(shop.call("RollBack"), "NotFound")
        shop.confirmed(first)
        shop.jobs.fail(shop.call("RollBack"), "NotFound")
        shop.jobs.fail(shop.call("RollBack", model=("s", "0" * 8)), "NotFound")
        shop.jobs.fail(shop.call("RollBack", model=("s", "nonsense")), "InvalidArgument")
        charge(shop, 3)
        shop.jobs.fail(shop.install(second), "BatteryTooLow")
        shop.decides(first)
        assert shop.history()[0] == ("failed", second.get("Model1.Hash"), "BatteryTooLow")
        charge(shop, 80)
        shop.jobs.succeed(shop.install(second, trial=("b", False)))
        assert shop.state() == "pending"
        shop.decides(first)
        charge(shop, 3)
        shop.jobs.fail(shop.call("StartTrial"), "BatteryTooLow")
        charge(shop, 80)
        shop.jobs.succeed(shop.call("StartTrial", seconds=("u", 60)))
        assert shop.state() == "trial"
        shop.decides(second)
        shop.jobs.fail(shop.call("StartTrial"), "WrongState")
        shop.jobs.fail(shop.install(first), "WrongState")
        assert shop.state() == "trial"
        # From the trial back to what was confirmed.
        assert shop.jobs.succeed(shop.call("RollBack"))["model"] == first.get("Model1.Hash")
        shop.decides(first)
        assert shop.state() == "idle"

        # The clinic has another key than the arm learnt.
        shop.house.kill("update")
        os.unlink(os.path.join(shop.house.state("update"), "clinic-key.pem"))
        shop.house.start("update")
        wait_for(lambda: shop.state() == "idle", "slots that are known")
        shop.jobs.fail(shop.install(shop.train(4)), "SignatureInvalid")
        shop.decides(first)
        assert shop.state() == "idle"


def trial_runs_out():
    """A trial that nobody confirms ends by itself, and the history says so."""
    with Workshop("--speed", "20") as shop:
        first, second = shop.train(1), shop.train(2)
        shop.confirmed(first)
        shop.jobs.succeed(shop.install(second, trial_seconds=("u", 20)))
        assert shop.state() in ("trial", "idle")
        wait_for(lambda: shop.state() == "idle", "end of the trial")
        assert shop.history()[0] == ("revert", second.get("Model1.Hash"), ""), shop.history()
        assert shop.active() == first.get("Model1.Hash") and not shop.slots.get("Slots1.TrialEnds")
        shop.decides(first)
        shop.jobs.fail(shop.call("Confirm"), "WrongState")
        # The power goes during a trial, and nobody hears of it until the arm is back.
        shop.jobs.succeed(shop.install(second, trial_seconds=("u", 86400)))
        shop.house.kill("update")
        shop.arm.tell("power-cut")
        shop.arm.tell("power-on")
        shop.house.start("update")
        wait_for(lambda: shop.state() == "idle", "slots that are known")
        assert shop.history()[0] == ("revert", second.get("Model1.Hash"), ""), shop.history()
        shop.decides(first)


def unplugged():
    """Unplugged in each phase: Disconnected, the old model is there, and a retry goes on."""
    with Workshop() as shop:
        first, second = shop.train(1), shop.train(2)
        shop.confirmed(first)
        shop.arm.tell("baud", 57600)
        for phase in ("signing", "uploading", "verifying", "trial"):
            job = Object(shop.house, shop.clinic.update.service, shop.install(second))
            reached = wait_for(lambda job=job, phase=phase:
                               job.get("Job1.Phase") == phase and "reached" or
                               job.get("Job1.State") == "finished" and "missed", phase)
            shop.arm.tell("unplug")
            success, error, message, _ = shop.jobs.wait(job.path)
            shop.jobs.once(job.path)
            if reached == "reached" and not success:
                assert error == "Disconnected", (error, message)
                assert "old model" in message, message
                assert shop.history()[0] == ("failed", second.get("Model1.Hash"), "Disconnected")
            shop.arm.tell("plug")
            shop.connected()
            shop.settled()
            if shop.state() == "trial":
                shop.jobs.succeed(shop.call("RollBack"))
            shop.decides(first)
        shop.arm.tell("baud", 0)
        shop.confirmed(second)
        shop.decides(second)


def noise():
    """One byte in a thousand is damaged: it ends right, or with a named error, never in between."""
    with Workshop() as shop:
        first, second = shop.train(1), shop.train(2)
        shop.confirmed(first)
        shop.arm.tell("noise", 1000)
        success, error, _, _ = shop.jobs.wait(shop.install(second))
        shop.arm.tell("noise", 0)
        if success:
            shop.decides(second)
        else:
            assert error in ("TimedOut", "Disconnected"), error
            shop.connected()
            shop.decides(first)
        shop.settled()
        if shop.state() != "trial":
            shop.jobs.succeed(shop.install(second))
        shop.jobs.succeed(shop.call("Confirm"))
        shop.decides(second)


def cancelled():
    """A cancelled installation ends once, as Cancelled, and the next one goes on with it."""
    with Workshop() as shop:
        first, second = shop.train(1), shop.train(2)
        shop.confirmed(first)
        shop.arm.tell("baud", 38400)
        job = Object(shop.house, shop.clinic.update.service, shop.install(second))
        wait_for(lambda: job.get("Job1.Progress") > 0.2, "progress")
        assert shop.state() == "writing"
        job.call("Job1.Cancel", "(a{sv})", {})
        shop.jobs.fail(job.path, "Cancelled")
        shop.jobs.once(job.path)
        assert shop.state() == "idle"
        shop.decides(first)
        shop.arm.tell("baud", 0)
        shop.confirmed(second)
        shop.decides(second)


def side_by_side():
    """Two arms are written at the same time, each with its own model."""
    with Workshop() as shop:
        other = shop.add_arm("other")
        prosthesis = shop.clinic.prosthesis(other)
        patient = shop.clinic.create_patient()
        shop.clinic.bind(other, prosthesis, patient, side="left")
        model = shop.train(1)
        theirs = shop.train(5, prosthesis=prosthesis, patient=patient)
        for arm in (shop.arm, other):
            arm.tell("baud", 115200)
        wait_for(lambda: shop.clinic.has_slots(other), "known slots")
        jobs = [shop.install(model), shop.clinic.install(prosthesis, theirs.path)]
        assert shop.slots.get("Slots1.Job") == jobs[0]
        assert shop.clinic.slots(other).get("Slots1.Job") == jobs[1]
        for job in jobs:
            shop.jobs.succeed(job)
        shop.decides(model)
        prosthesis.call("Prosthesis1.Refresh", "(a{sv})", {})
        assert prosthesis.get("Prosthesis1.ModelHash") == theirs.get("Model1.Hash")


def no_room():
    """Without room on the PC's disk an installation ends as NoSpace; with room it works."""
    with Workshop() as shop:
        first = shop.train(1)
        tracer = shop.trace("pwrite64:error=ENOSPC:when=1+")
        shop.clinic.update.expect("NoSpace", "Update1.Install", "(ooa{sv})", shop.prosthesis.path,
                                  first.path, {})
        tracer.stop()
        tracer = shop.trace("fdatasync:error=ENOSPC:when=2+")
        success, error, _, _ = shop.jobs.wait(shop.install(first))
        assert not success and error in ("NoSpace", "Failed"), error
        tracer.stop()
        shop.confirmed(first)
        shop.decides(first)


if __name__ == "__main__":
    main(clinic_key, install_and_confirm, containers_for_anybody, refused_calls, refused_jobs,
         trial_runs_out, unplugged, noise, cancelled, side_by_side, no_room)
