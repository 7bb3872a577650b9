/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The version of the program, set by the build; what the arm reports when no
 * signed firmware container says otherwise. */
#ifndef BPG_FIRMWARE_VERSION
#error "BPG_FIRMWARE_VERSION is to be given by the build"
#endif
