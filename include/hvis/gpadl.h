/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Validation of GPADL_HEADER and GPADL_BODY: how many guest pages a message describes, and which.
 * Header-only and without kernel types. It judges one message at a time; who keeps the pages and
 * knows which identifiers are taken is the host's business.
 *
 * Bodies are taken in the order of arrival, which the SynIC keeps; their number field is not looked
 * at, for guests leave it zero. Some clients post messages of full length always: no more page
 * numbers are taken than are missing.
 */
#pragma once

#include <hvis/vmbus.h>

#define HVIS_GPADL_PAGES_MAX                                                                       \
	65536u /* ours: 256 MiB; the largest known is 31 MiB (uio_hv_generic) */
#define HVIS_GPADL_PFN_BITS 40 /* ours: guest addresses of up to 52 bits, as x86 has them */

enum hvis_gpadl_result {
	HVIS_GPADL_OK,
	HVIS_GPADL_TRUNCATED, /* shorter than its fixed part */
	HVIS_GPADL_RANGES, /* other than one range: nobody needs them, all are refused */
	HVIS_GPADL_EMPTY, /* no bytes */
	HVIS_GPADL_OFFSET, /* byte offset beyond the first page */
	HVIS_GPADL_TOO_LARGE, /* more than HVIS_GPADL_PAGES_MAX */
	HVIS_GPADL_BUFLEN, /* range_buflen contradicts the byte count */
	HVIS_GPADL_BAD_PAGE, /* no guest has memory there */
};

struct hvis_gpadl_shape {
	uint32_t relid, gpadl;
	uint32_t byte_offset, byte_count;
	uint32_t pages;
};

static inline enum hvis_gpadl_result hvis_gpadl_shape_check(
	const struct hvis_msg_gpadl_header *header, struct hvis_gpadl_shape *shape)
{
	uint64_t pages;

	if (hvis_le16_get(header->range_count) != 1)
		return HVIS_GPADL_RANGES;
	if (!shape->byte_count)
		return HVIS_GPADL_EMPTY;
	if (shape->byte_offset >= HVIS_PAGE_SIZE)
		return HVIS_GPADL_OFFSET;
	pages = ((uint64_t)shape->byte_offset + shape->byte_count + HVIS_PAGE_SIZE - 1) /
		HVIS_PAGE_SIZE;
	if (pages > HVIS_GPADL_PAGES_MAX)
		return HVIS_GPADL_TOO_LARGE;
	/* The field has 16 bits: guests with more than 8190 pages send what is left of the number. */
	if (hvis_le16_get(header->range_buflen) !=
		(uint16_t)(sizeof(struct hvis_gpa_range) + pages * sizeof(hvis_le64)))
		return HVIS_GPADL_BUFLEN;
	shape->pages = (uint32_t)pages;
	return HVIS_GPADL_OK;
}

/*
 * Decode the fixed part of a GPADL_HEADER of @len bytes. Unless it is truncated, relid and gpadl
 * are set even where the rest is refused, so that the refusal can be addressed.
 */
static inline enum hvis_gpadl_result hvis_gpadl_decode(
	const void *message, size_t len, struct hvis_gpadl_shape *shape)
{
	struct hvis_msg_gpadl_header header;

	if (len < sizeof(header))
		return HVIS_GPADL_TRUNCATED;
	memcpy(&header, message, sizeof(header));
	*shape = (struct hvis_gpadl_shape){
		.relid = hvis_le32_get(header.relid),
		.gpadl = hvis_le32_get(header.gpadl),
		.byte_offset = hvis_le32_get(header.range.byte_offset),
		.byte_count = hvis_le32_get(header.range.byte_count),
	};
	return hvis_gpadl_shape_check(&header, shape);
}

/* Page numbers to take from a message of @len bytes with @fixed bytes before them. */
static inline uint32_t hvis_gpadl_count(size_t len, size_t fixed, uint32_t missing)
{
	size_t there = len > fixed ? (len - fixed) / sizeof(hvis_le64) : 0;

	return there < missing ? (uint32_t)there : missing;
}

/* Take @count page numbers from behind the fixed part; hvis_gpadl_count() said that they are there. */
static inline enum hvis_gpadl_result hvis_gpadl_take(
	const void *message, size_t fixed, uint32_t count, uint64_t *pfns)
{
	hvis_le64 pfn;

	for (uint32_t i = 0; i < count; i++) {
		memcpy(&pfn, (const uint8_t *)message + fixed + i * sizeof(pfn), sizeof(pfn));
		pfns[i] = hvis_le64_get(pfn);
		if (pfns[i] >> HVIS_GPADL_PFN_BITS)
			return HVIS_GPADL_BAD_PAGE;
	}
	return HVIS_GPADL_OK;
}
