#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Models onto a virtual arm through the real daemons."""
import hashlib
import os
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
        assert update.get("Update1.Version") and update.get("Update1.Features") == []
        shop.house.kill("update")
        with open(path, "w", encoding="ascii") as stream:
            stream.write("not a key")
        shop.house.start("update")
        wait_for(lambda: update.get("Update1.State") == "degraded", "reported problem")
        assert update.get("Update1.Problems")[0]["error"].endswith("VaultNoKey")
        update.expect("VaultNoKey", "Update1.GetClinicKey", "(a{sv})", {})
        with open(path, encoding="ascii") as stream:
            assert stream.read() == "not a key"


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


if __name__ == "__main__":
    main(clinic_key, install_and_confirm)
