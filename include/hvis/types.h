/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Little-endian wire integers for user space, kernel modules and fuzzers alike.
 *
 * Each is a byte array in a struct: it has alignment 1, so layouts need no packing tricks, and it
 * cannot be used as a number by mistake. The compiler turns get and make into one load or store.
 * Nothing here reads shared memory; that is the business of ring.h.
 */
#pragma once

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/string.h>
#include <linux/build_bug.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <assert.h>
#endif

typedef struct {
	uint8_t b[2];
} hvis_le16;
typedef struct {
	uint8_t b[4];
} hvis_le32;
typedef struct {
	uint8_t b[8];
} hvis_le64;

static inline uint16_t hvis_le16_get(hvis_le16 v)
{
	return (uint16_t)(v.b[0] | v.b[1] << 8);
}

static inline uint32_t hvis_le32_get(hvis_le32 v)
{
	return (uint32_t)v.b[0] | (uint32_t)v.b[1] << 8 | (uint32_t)v.b[2] << 16 |
	       (uint32_t)v.b[3] << 24;
}

static inline uint64_t hvis_le64_get(hvis_le64 v)
{
	uint64_t n = 0;

	for (int i = 7; i >= 0; i--)
		n = n << 8 | v.b[i];
	return n;
}

static inline hvis_le16 hvis_le16_make(uint16_t n)
{
	return (hvis_le16){ { (uint8_t)n, (uint8_t)(n >> 8) } };
}

static inline hvis_le32 hvis_le32_make(uint32_t n)
{
	return (hvis_le32){ { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16),
		(uint8_t)(n >> 24) } };
}

static inline hvis_le64 hvis_le64_make(uint64_t n)
{
	hvis_le64 v;

	for (int i = 0; i < 8; i++)
		v.b[i] = (uint8_t)(n >> 8 * i);
	return v;
}

/* A GUID as it lies in memory on Windows: the first three fields little-endian, the rest bytes. */
struct hvis_guid {
	uint8_t b[16];
};

#define HVIS_GUID(a, b1, c, d0, d1, d2, d3, d4, d5, d6, d7)                                        \
	{                                                                                          \
		{                                                                                  \
			(a) & 0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24 & 0xff,           \
				(b1)&0xff, (b1) >> 8, (c)&0xff, (c) >> 8, d0, d1, d2, d3, d4, d5,  \
				d6, d7                                                             \
		}                                                                                  \
	}

static inline bool hvis_guid_equal(const struct hvis_guid *a, const struct hvis_guid *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}
