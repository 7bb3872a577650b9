/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-arm.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  FakeArm *arm;
  struct bpg_smp_header header;
  const guint8 *payload;
  gsize length;
  struct bpg_cbor_writer *reply;
} Request;

static void
refuse (Request *request, guint16 group, guint16 rc)
{
  bpg_error_encode (request->header.version, group, rc, request->reply);
}

static void
state (Request *request)
{
  FakeArm *self = request->arm;
  struct bpg_image_entry entries[FAKE_ARM_SLOTS];
  guint8 hashes[FAKE_ARM_SLOTS][32];
  size_t n = 0;

  for (int i = 0; i < FAKE_ARM_SLOTS; i++) {
    if (!self->slots[i].present)
      continue;
    for (guint j = 0; j < 32; j++)
      hashes[i][j] = (guint8) (g_ascii_xdigit_value (self->slots[i].hash[2 * j]) << 4 |
                               g_ascii_xdigit_value (self->slots[i].hash[2 * j + 1]));
    entries[n++] = (struct bpg_image_entry){
      .image = self->firmware ? 0 : 1,
      .slot = (uint64_t) i,
      .version = bpg_text (self->slots[i].version != NULL ? self->slots[i].version : "26.11.20.5"),
      .hash = {hashes[i], 32},
      .bootable = true,
      .pending = self->pending == i,
      .confirmed = self->confirmed == i,
      .active = self->active == i,
    };
  }
  bpg_image_state_encode (entries, n, request->reply);
}

static int
find_slot (FakeArm *self, const struct bpg_bytes *hash)
{
  for (int i = 0; i < FAKE_ARM_SLOTS; i++) {
    gboolean same = self->slots[i].present && hash->length == 32;

    for (guint j = 0; same && j < 32; j++)
      same = hash->bytes[j] == (guint8) (g_ascii_xdigit_value (self->slots[i].hash[2 * j]) << 4 |
                                         g_ascii_xdigit_value (self->slots[i].hash[2 * j + 1]));
    if (same)
      return i;
  }
  return -1;
}

static void
confirm (FakeArm *self, int slot)
{
  self->confirmed = self->active = slot;
  self->slots[slot].good = TRUE;
  self->trial = FALSE;
  self->pending = -1;
}

/* Of one digit each, which is enough for a test. */
static gboolean
is_older (FakeArm *self, int slot)
{
  return g_strcmp0 (self->slots[slot].version, self->slots[self->active].version) < 0;
}

static void
write_state (Request *request)
{
  FakeArm *self = request->arm;
  struct bpg_image_write_request message;
  int slot;

  g_assert_true (bpg_image_write_request_decode (request->payload, request->length, &message));
  if (message.confirm && message.hash.length == 0) {
    if (!self->trial) {
      refuse (request, BPG_GROUP_IMAGE, BPG_SMP_ERROR_NO_ENTRY);
      return;
    }
    confirm (self, self->active);
  } else {
    slot = find_slot (self, &message.hash);
    if (slot < 0 || self->trial || slot == self->active) {
      refuse (request, BPG_GROUP_ARM, BPG_ARM_ERROR_WRONG_STATE);
      return;
    }
    if (self->firmware && !message.downgrade && self->active >= 0 && is_older (self, slot)) {
      refuse (request, BPG_GROUP_ARM, BPG_ARM_ERROR_VERSION_OLD);
      return;
    }
    self->pending = slot;
    self->permanent = message.confirm;
  }
  state (request);
}

static void
begin_upload (FakeArm *self, const struct bpg_upload_request *message)
{
  gboolean same = self->expected == message->len && message->sha.length == 32 &&
                  memcmp (self->sha, message->sha.bytes, 32) == 0;

  if (same)
    return;
  g_byte_array_set_size (self->received, 0);
  self->expected = message->len;
  memcpy (self->sha, message->sha.bytes, 32);
}

static void
finish_upload (FakeArm *self)
{
  int slot = self->active == 0 ? 1 : 0;

  self->pending = -1;
  fake_arm_put (self, slot, self->uploaded_hash, FALSE);
}

static void
upload (Request *request)
{
  FakeArm *self = request->arm;
  struct bpg_upload_request message;
  struct bpg_upload_reply reply = {0};

  self->chunks++;
  g_assert_true (bpg_upload_request_decode (request->payload, request->length, &message));
  g_assert_cmpuint (message.image, ==, message.len > 0 && self->firmware ? 0 : message.len > 0 ? 1 : message.image);
  if (self->trial) {
    refuse (request, BPG_GROUP_ARM, BPG_ARM_ERROR_WRONG_STATE);
    return;
  }
  if (message.off == 0 && message.len > 0)
    begin_upload (self, &message);
  if (message.off == self->received->len && self->received->len < self->expected)
    g_byte_array_append (self->received, message.data.bytes, (guint) message.data.length);
  g_assert_cmpuint (self->received->len, <=, self->expected);
  reply.off = self->old_offset ? self->expected + 1 : self->received->len;
  if (self->received->len == self->expected)
    finish_upload (self);
  bpg_upload_reply_encode (&reply, request->reply);
}

static void
ok (Request *request)
{
  const struct bpg_rc_reply reply = {0};

  bpg_rc_reply_encode (&reply, request->reply);
}

static void
trial (Request *request)
{
  FakeArm *self = request->arm;

  if (self->pending < 0) {
    refuse (request, BPG_GROUP_ARM, BPG_ARM_ERROR_WRONG_STATE);
    return;
  }
  self->active = self->pending;
  self->pending = -1;
  self->trial = TRUE;
  ok (request);
}

static void
fall_back (Request *request)
{
  FakeArm *self = request->arm;
  int other = self->active == 0 ? 1 : 0;

  if (self->trial) {
    self->active = self->confirmed;
    self->trial = FALSE;
  } else if (self->active >= 0 && self->slots[other].present && self->slots[other].good) {
    confirm (self, other);
  } else {
    refuse (request, BPG_GROUP_ARM, BPG_ARM_ERROR_WRONG_STATE);
    return;
  }
  ok (request);
}

/* What the second stage does. */
static void
restart (Request *request)
{
  FakeArm *self = request->arm;

  ok (request);
  if (self->deaf > 0) {
    self->deaf--;
    return;
  }
  self->restarts++;
  if (self->pending >= 0 && !self->stubborn) {
    self->active = self->pending;
    self->trial = !self->permanent;
    if (self->permanent)
      confirm (self, self->active);
  } else if (self->trial) {
    self->active = self->confirmed;
    self->trial = FALSE;
  }
  self->pending = -1;
}

static void
identity (Request *request)
{
  static const guint8 key[] = {0x30};
  const struct bpg_identity reply = {
    .id = bpg_text ("BP-1"),
    .fp = bpg_text (""),
    .key = {key, sizeof key},
    .hw = bpg_text ("board"),
    .side = bpg_text ("left"),
    .state = bpg_text ("bound"),
    .fw = bpg_text ("1.0.0"),
    .schema = 3,
    .patient = bpg_text (""),
  };

  bpg_identity_encode (&reply, request->reply);
}

static void
status (Request *request)
{
  const struct bpg_status reply = {
    .bat = request->arm->battery, .worn = request->arm->worn, .boot = bpg_text ("power-on")};

  bpg_status_encode (&reply, request->reply);
}

static void
parameters (Request *request)
{
  const struct bpg_params_reply reply = {BPG_SMP_PACKET_MAX, 8};

  if (request->arm->no_parameters)
    refuse (request, BPG_GROUP_OS, BPG_SMP_ERROR_NOT_SUPPORTED);
  else
    bpg_params_reply_encode (&reply, request->reply);
}

static const struct {
  guint8 op;
  guint16 group;
  guint8 command;
  void (*handler) (Request *request);
} commands[] = {
  {BPG_SMP_READ, BPG_GROUP_OS, BPG_OS_PARAMS, parameters},
  {BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_RESET, restart},
  {BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_IDENTITY, identity},
  {BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_STATUS, status},
  {BPG_SMP_READ, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, state},
  {BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, write_state},
  {BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_UPLOAD, upload},
  {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_TRIAL, trial},
  {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_FALL_BACK, fall_back},
};

static void
answer (FakeArm *self, const guint8 *packet, gsize length)
{
  guint8 bytes[BPG_SMP_PACKET_MAX];
  struct bpg_cbor_writer writer;
  Request request = {.arm = self, .reply = &writer};
  gsize reply_length;

  g_assert_true (bpg_smp_header_decode (packet, length, &request.header));
  request.payload = packet + BPG_SMP_HEADER_SIZE;
  request.length = length - BPG_SMP_HEADER_SIZE;
  bpg_packet_begin (&writer, bytes, sizeof bytes);
  if (self->refuse_with != 0 && request.header.group == self->refuse_group &&
      request.header.command == self->refuse_command && request.header.op == BPG_SMP_WRITE)
    refuse (&request, BPG_GROUP_ARM, (guint16) self->refuse_with);
  else
    for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
      if (commands[i].op == request.header.op && commands[i].group == request.header.group &&
          commands[i].command == request.header.command)
        commands[i].handler (&request);
  request.header.op++;
  reply_length = bpg_packet_finish (&writer, &request.header);
  g_assert_cmpuint (reply_length, >, 0);
  if ((guint) g_rand_int_range (self->random, 0, 100) >= self->lose_percent)
    send (self->fd, bytes, reply_length, MSG_NOSIGNAL);
}

static guint
count_waiting (FakeArm *self)
{
  struct pollfd fd = {self->fd, POLLIN, 0};

  return poll (&fd, 1, 0) > 0 ? 1 : 0;
}

static gpointer
run (gpointer data)
{
  FakeArm *self = data;
  guint8 packet[BPG_SMP_PACKET_MAX];
  gssize length;

  while ((length = recv (self->fd, packet, sizeof packet, 0)) > 0) {
    self->requests++;
    self->most_waiting = MAX (self->most_waiting, count_waiting (self));
    if (self->hang_up_after > 0 && self->requests > self->hang_up_after)
      break;
    if (self->silent_after > 0 && self->requests > self->silent_after)
      continue;
    if ((guint) g_rand_int_range (self->random, 0, 100) >= self->lose_percent)
      answer (self, packet, (gsize) length);
  }
  close (self->fd);
  return NULL;
}

void
fake_arm_init (FakeArm *self)
{
  memset (self, 0, sizeof *self);
  self->active = self->confirmed = self->pending = -1;
  self->battery = 80;
  self->received = g_byte_array_new ();
  self->random = g_rand_new_with_seed (7);
}

void
fake_arm_put (FakeArm *self, int slot, const char *hash, gboolean good)
{
  g_strlcpy (self->slots[slot].hash, hash, sizeof self->slots[slot].hash);
  self->slots[slot].present = TRUE;
  self->slots[slot].good = good;
}

BpgManagement *
fake_arm_start (FakeArm *self)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), ==, 0);
  self->fd = fds[0];
  self->thread = g_thread_new ("arm", run, self);
  return bpg_management_new_for_fd (fds[1]);
}

void
fake_arm_stop (FakeArm *self)
{
  g_thread_join (self->thread);
  g_byte_array_unref (self->received);
  g_rand_free (self->random);
}
