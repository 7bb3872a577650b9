/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names that more than one daemon needs. Interface members are defined in dbus/, nowhere else. */

#define BPG_BUS_PAIRING "org.bionicpro.Pairing1"
#define BPG_BUS_TRAINING "org.bionicpro.Training1"
#define BPG_BUS_RECORDS "org.bionicpro.Records1"
#define BPG_BUS_UPDATE "org.bionicpro.Update1"

#define BPG_PATH_PAIRING "/org/bionicpro/Pairing1"
#define BPG_PATH_TRAINING "/org/bionicpro/Training1"
#define BPG_PATH_RECORDS "/org/bionicpro/Records1"
#define BPG_PATH_UPDATE "/org/bionicpro/Update1"

/* polkit actions; polkit/org.bionicpro.policy says who may do what. */
#define BPG_ACTION_CANCEL_ANY_JOB "org.bionicpro.cancel-any-job"
#define BPG_ACTION_PAIRING_BIND "org.bionicpro.pairing.bind"
#define BPG_ACTION_PAIRING_MANAGE "org.bionicpro.pairing.manage"
#define BPG_ACTION_PAIRING_MANAGE_PORTS "org.bionicpro.pairing.manage-ports"
#define BPG_ACTION_PAIRING_STREAM "org.bionicpro.pairing.stream"
#define BPG_ACTION_RECORDS_BIND "org.bionicpro.records.bind"
#define BPG_ACTION_RECORDS_DELETE "org.bionicpro.records.delete"
#define BPG_ACTION_RECORDS_READ "org.bionicpro.records.read"
#define BPG_ACTION_RECORDS_WRITE "org.bionicpro.records.write"
#define BPG_ACTION_TRAINING_READ "org.bionicpro.training.read"
#define BPG_ACTION_TRAINING_RECORD "org.bionicpro.training.record"
#define BPG_ACTION_TRAINING_TRAIN "org.bionicpro.training.train"
#define BPG_ACTION_UPDATE_CONFIRM "org.bionicpro.update.confirm"
#define BPG_ACTION_UPDATE_DOWNGRADE "org.bionicpro.update.downgrade"
#define BPG_ACTION_UPDATE_FLASH_ROM "org.bionicpro.update.flash-rom"
#define BPG_ACTION_UPDATE_INSTALL "org.bionicpro.update.install"
#define BPG_ACTION_UPDATE_OVERRIDE "org.bionicpro.update.override"
#define BPG_ACTION_UPDATE_ROLL_BACK "org.bionicpro.update.roll-back"
