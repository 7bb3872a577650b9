/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/clock.h"

#define SECONDS_A_DAY 86400u

static const uint8_t month_days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

/* 2000 is a leap year and 2100 is beyond us. */
static bool
is_leap (unsigned year)
{
  return year % 4 == 0;
}

static unsigned
days_in (unsigned year, unsigned month)
{
  return month_days[month - 1] + (month == 2 && is_leap (year) ? 1u : 0);
}

/* Reads @digits digits at *@at and, when @then is not 0, that character. */
static bool
read_number (const char *text, size_t length, size_t *at, unsigned digits, char then,
             unsigned *value)
{
  *value = 0;
  if (length - *at < digits)
    return false;
  for (unsigned i = 0; i < digits; i++)
    {
      char digit = text[(*at)++];

      if (digit < '0' || digit > '9')
        return false;
      *value = *value * 10 + (unsigned) (digit - '0');
    }
  if (then == 0)
    return true;
  return *at < length && text[(*at)++] == then;
}

static bool
read_fraction (const char *text, size_t length, size_t *at, uint32_t *microseconds)
{
  uint32_t unit = 100000;

  *microseconds = 0;
  if (*at == length || text[*at] != '.')
    return true;
  ++*at;
  if (*at == length || text[*at] < '0' || text[*at] > '9')
    return false;
  for (; *at < length && text[*at] >= '0' && text[*at] <= '9'; ++*at)
    {
      *microseconds += (uint32_t) (text[*at] - '0') * unit;
      unit /= 10;
    }
  return true;
}

/* Nothing more, "Z", or an offset of zero. */
static bool
ends_in_utc (const char *text, size_t length, size_t at)
{
  static const char zero[] = "+00:00";

  if (at == length || (length - at == 1 && text[at] == 'Z'))
    return true;
  if (length - at != sizeof zero - 1)
    return false;
  for (size_t i = 0; zero[i] != 0; i++)
    {
      if (text[at + i] != zero[i])
        return false;
    }
  return true;
}

static uint32_t
days_since_1970 (unsigned year, unsigned month, unsigned day)
{
  uint32_t days = day - 1;

  for (unsigned i = 1970; i < year; i++)
    days += is_leap (i) ? 366 : 365;
  for (unsigned i = 1; i < month; i++)
    days += days_in (year, i);
  return days;
}

bool
bpg_clock_parse (const char *text, size_t length, uint64_t *microseconds)
{
  unsigned year, month, day, hour, minute, second;
  uint32_t fraction;
  size_t at = 0;

  if (!read_number (text, length, &at, 4, '-', &year)
      || !read_number (text, length, &at, 2, '-', &month)
      || !read_number (text, length, &at, 2, 'T', &day)
      || !read_number (text, length, &at, 2, ':', &hour)
      || !read_number (text, length, &at, 2, ':', &minute)
      || !read_number (text, length, &at, 2, 0, &second)
      || !read_fraction (text, length, &at, &fraction) || !ends_in_utc (text, length, at))
    return false;
  if (year < 1970 || year > 2099 || month < 1 || month > 12 || day < 1
      || day > days_in (year, month) || hour > 23 || minute > 59 || second > 59)
    return false;

  *microseconds = (uint64_t) days_since_1970 (year, month, day) * SECONDS_A_DAY * 1000000u
                  + (uint64_t) (hour * 3600 + minute * 60 + second) * 1000000u + fraction;
  return true;
}

static char *
put_number (char *at, uint32_t value, unsigned digits, char then)
{
  for (unsigned i = digits; i > 0; i--)
    {
      at[i - 1] = (char) ('0' + value % 10);
      value /= 10;
    }
  at[digits] = then;
  return at + digits + 1;
}

void
bpg_clock_format (uint64_t microseconds, char text[BPG_CLOCK_TEXT_SIZE])
{
  uint64_t seconds = microseconds / 1000000u;
  uint32_t days = (uint32_t) (seconds / SECONDS_A_DAY);
  uint32_t rest = (uint32_t) (seconds % SECONDS_A_DAY);
  unsigned year = 1970;
  unsigned month = 1;

  for (; days >= (is_leap (year) ? 366u : 365u); year++)
    days -= is_leap (year) ? 366 : 365;
  for (; days >= days_in (year, month); month++)
    days -= days_in (year, month);

  text = put_number (text, year, 4, '-');
  text = put_number (text, month, 2, '-');
  text = put_number (text, days + 1, 2, 'T');
  text = put_number (text, rest / 3600, 2, ':');
  text = put_number (text, rest / 60 % 60, 2, ':');
  text = put_number (text, rest % 60, 2, '.');
  put_number (text, (uint32_t) (microseconds % 1000000u), 6, 0);
}
