/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define BPG_TYPE_USB_WATCHER (bpg_usb_watcher_get_type ())
G_DECLARE_FINAL_TYPE (BpgUsbWatcher, bpg_usb_watcher, BPG, USB_WATCHER, GObject)

/**
 * bpg_usb_watcher_new:
 * @more: (nullable) (array zero-terminated=1): further kinds of devices, "VVVV:PPPP" in hexadecimal
 *
 * Watches udev for serial devices on USB of a kind that arms are; others are left alone, since opening a line can
 * already upset what is on it.
 *
 * Signals: "added" (path), "removed" (path).
 */
BpgUsbWatcher *bpg_usb_watcher_new (const char *const *more);

/**
 * bpg_usb_watcher_start:
 *
 * Tells what is there already, by "added".
 */
void bpg_usb_watcher_start (BpgUsbWatcher *self);

/**
 * bpg_usb_watcher_is_kind:
 *
 * Whether @kind is written as the option wants it.
 */
gboolean bpg_usb_watcher_is_kind (const char *kind);
