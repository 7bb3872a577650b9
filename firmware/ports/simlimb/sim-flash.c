/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-flash.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/usage-log.h"

static const uint32_t area_sizes[BPG_FLASH_AREAS] = {
  [BPG_FLASH_FACTORY] = BPG_FLASH_SECTOR,
  [BPG_FLASH_BOOT] = 2 * BPG_FLASH_SECTOR,
  [BPG_FLASH_BINDING] = 2 * BPG_FLASH_SECTOR,
  [BPG_FLASH_UPLOAD] = BPG_FLASH_SECTOR,
  [BPG_FLASH_FIRMWARE_A] = 256 * 1024,
  [BPG_FLASH_FIRMWARE_B] = 256 * 1024,
  [BPG_FLASH_MODEL_A] = 32 * 1024,
  [BPG_FLASH_MODEL_B] = 32 * 1024,
  [BPG_FLASH_USAGE] = BPG_USAGE_SECTORS * BPG_FLASH_SECTOR,
};

/* Counters behind the flash. */
enum
{
  COUNTER_OPERATIONS,
  COUNTER_CUT,
  COUNTERS,
};

static uint32_t
area_offset (enum bpg_flash_area area)
{
  uint32_t offset = 0;

  for (unsigned i = 0; i < area; i++)
    offset += area_sizes[i];
  return offset;
}

static size_t
file_size (void)
{
  return area_offset (BPG_FLASH_AREAS) + BPG_FLASH_SECTOR;
}

static bool
fail (GError **error, const char *path)
{
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", path,
               g_strerror (errno));
  return false;
}

/* One process has the flash; its end frees it, however it ends. */
static bool
take_file (int fd, const char *path, GError **error)
{
  if (flock (fd, LOCK_EX | LOCK_NB) == 0)
    return true;
  if (errno != EWOULDBLOCK)
    return fail (error, path);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "%s: this arm is running already", path);
  return false;
}

/* Gives a new file its room on the disk, all of it: a write through the
 * mapping has no other way to say that there is none than to kill. */
static bool
reserve_file (int fd, bool fresh, const char *path, GError **error)
{
  int code = posix_fallocate (fd, 0, (off_t) file_size ());

  if (code == 0)
    return true;
  if (fresh && ftruncate (fd, 0) != 0)
    g_warning ("%s: %s", path, g_strerror (errno));
  errno = code;
  return fail (error, path);
}

static bool
map_file (struct sim_flash *flash, int fd, const char *path, GError **error)
{
  struct stat status;
  bool fresh;

  if (!take_file (fd, path, error))
    return false;
  if (fstat (fd, &status) != 0)
    return fail (error, path);
  fresh = status.st_size == 0;
  if (!fresh && (size_t) status.st_size != file_size ())
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: not the flash of a simlimb",
                   path);
      return false;
    }
  if (!reserve_file (fd, fresh, path, error))
    return false;

  flash->bytes = mmap (NULL, file_size (), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (flash->bytes == MAP_FAILED)
    {
      flash->bytes = NULL;
      return fail (error, path);
    }
  flash->counters = (uint32_t *) (void *) (flash->bytes + area_offset (BPG_FLASH_AREAS));
  if (fresh)
    memset (flash->bytes, 0xFF, area_offset (BPG_FLASH_AREAS));
  return true;
}

bool
sim_flash_open (struct sim_flash *flash, const char *path, uint64_t seed, GError **error)
{
  memset (flash, 0, sizeof *flash);
  sim_random_init (&flash->random, seed);
  flash->fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (flash->fd < 0)
    return fail (error, path);
  if (map_file (flash, flash->fd, path, error))
    return true;
  sim_flash_close (flash);
  return false;
}

void
sim_flash_close (struct sim_flash *flash)
{
  if (flash->bytes != NULL)
    munmap (flash->bytes, file_size ());
  flash->bytes = NULL;
  if (flash->fd > 0)
    close (flash->fd);
  flash->fd = 0;
}

uint32_t
sim_flash_size (enum bpg_flash_area area)
{
  return area_sizes[area];
}

const uint8_t *
sim_flash_map (const struct sim_flash *flash, enum bpg_flash_area area)
{
  return flash->bytes + area_offset (area);
}

uint32_t
sim_flash_operations (const struct sim_flash *flash)
{
  return flash->counters[COUNTER_OPERATIONS];
}

void
sim_flash_power_off (struct sim_flash *flash)
{
  flash->dead = true;
  flash->cut_in = 0;
  flash->counters[COUNTER_CUT] = 1;
}

bool
sim_flash_power_on (struct sim_flash *flash)
{
  bool was_cut = flash->counters[COUNTER_CUT] != 0;

  flash->dead = false;
  flash->counters[COUNTER_CUT] = 0;
  return was_cut;
}

/* Counts an operation; true when power fails in it. */
static bool
count_operation (struct sim_flash *flash)
{
  flash->counters[COUNTER_OPERATIONS]++;
  return flash->cut_in != 0 && --flash->cut_in == 0;
}

static bool
is_within (enum bpg_flash_area area, uint32_t offset, uint32_t length)
{
  return offset <= area_sizes[area] && length <= area_sizes[area] - offset;
}

bool
sim_flash_write (struct sim_flash *flash, enum bpg_flash_area area, uint32_t offset,
                 const uint8_t *bytes, uint32_t length)
{
  uint8_t *at = flash->bytes + area_offset (area) + offset;
  uint32_t done = length;
  bool cut;

  if (flash->dead || length == 0 || (flash->worn >> area & 1))
    return false;
  if (!is_within (area, offset, length) || offset % 4 != 0 || length % 4 != 0
      || offset / BPG_FLASH_PAGE != (offset + length - 1) / BPG_FLASH_PAGE)
    {
      g_critical ("flash write that no chip would take: area %d, %u + %u", area, offset, length);
      return false;
    }

  cut = count_operation (flash);
  if (cut)
    done = (uint32_t) (sim_random_uniform (&flash->random) * length);
  for (uint32_t i = 0; i < done; i++)
    at[i] &= bytes[i];
  if (!cut)
    return true;
  /* The byte being written has some of its bits. */
  at[done] &= bytes[done] | (uint8_t) sim_random_next (&flash->random);
  sim_flash_power_off (flash);
  return false;
}

bool
sim_flash_erase (struct sim_flash *flash, enum bpg_flash_area area, uint32_t offset)
{
  uint8_t *at = flash->bytes + area_offset (area) + offset;
  uint32_t done;

  if (flash->dead || (flash->worn >> area & 1))
    return false;
  if (!is_within (area, offset, BPG_FLASH_SECTOR) || offset % BPG_FLASH_SECTOR != 0)
    {
      g_critical ("flash erase that no chip would take: area %d, %u", area, offset);
      return false;
    }

  if (!count_operation (flash))
    {
      memset (at, 0xFF, BPG_FLASH_SECTOR);
      return true;
    }
  /* Erasing acts on the whole sector at once: some bits have gone already. */
  done = (uint32_t) (sim_random_uniform (&flash->random) * BPG_FLASH_SECTOR);
  memset (at, 0xFF, done);
  for (uint32_t i = done; i < BPG_FLASH_SECTOR; i++)
    at[i] |= (uint8_t) (sim_random_next (&flash->random) & sim_random_next (&flash->random));
  sim_flash_power_off (flash);
  return false;
}
