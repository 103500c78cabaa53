/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The five operations that touch memory shared with the other partition. Nothing else does.
 *
 * The type is never complete, so shared memory cannot be dereferenced or handed to memcpy() without
 * a warning. A build that wants to watch or model the accesses (fuzzer, model checker, kernel with
 * its own barriers) names a header in HVIS_RING_ACCESS that defines the same five functions.
 *
 * Wire integers are little-endian, and these functions do not swap: VMBus exists on little-endian
 * machines only.
 */
#pragma once

#include <hvis/types.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "VMBus rings need a little-endian machine"
#endif

typedef volatile struct hvis_shared_memory hvis_shared;

/* An address within shared memory; only what is below makes bytes of it. */
static inline volatile void *hvis_shared_at(const hvis_shared *base, uint32_t offset)
{
	return (volatile uint8_t *)(uintptr_t)base + offset;
}

#ifdef HVIS_RING_ACCESS
#include HVIS_RING_ACCESS
#else

/* Load one word; what the other side wrote before it stored that word is visible afterwards. */
static inline uint32_t hvis_shared_load(const hvis_shared *base, uint32_t offset)
{
	return __atomic_load_n((volatile uint32_t *)hvis_shared_at(base, offset), __ATOMIC_ACQUIRE);
}

/* Store one word after everything that this side wrote before. */
static inline void hvis_shared_store(hvis_shared *base, uint32_t offset, uint32_t value)
{
	__atomic_store_n(
		(volatile uint32_t *)hvis_shared_at(base, offset), value, __ATOMIC_RELEASE);
}

/* Keep a store before from passing a load after. */
static inline void hvis_shared_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * Copy out. The empty statement keeps the compiler from reading the shared bytes a second time in
 * place of the copy.
 */
static inline void hvis_shared_fetch(
	void *to, const hvis_shared *base, uint32_t offset, uint32_t len)
{
	memcpy(to, (const void *)(uintptr_t)hvis_shared_at(base, offset), len);
	__asm__ volatile("" : : "r"(to) : "memory");
}

static inline void hvis_shared_put(
	hvis_shared *base, uint32_t offset, const void *from, uint32_t len)
{
	memcpy((void *)(uintptr_t)hvis_shared_at(base, offset), from, len);
}

#endif
