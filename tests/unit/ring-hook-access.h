/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HVIS_RING_ACCESS of tests that watch or model the shared memory: the test defines the hooks.
 * Included by hvis/ring-shared.h.
 */
#pragma once

uint32_t ring_hook_load(const hvis_shared *base, uint32_t offset);
void ring_hook_store(hvis_shared *base, uint32_t offset, uint32_t value);
void ring_hook_barrier(void);
void ring_hook_fetch(void *to, const hvis_shared *base, uint32_t offset, uint32_t len);
void ring_hook_put(hvis_shared *base, uint32_t offset, const void *from, uint32_t len);

#define hvis_shared_load ring_hook_load
#define hvis_shared_store ring_hook_store
#define hvis_shared_barrier ring_hook_barrier
#define hvis_shared_fetch ring_hook_fetch
#define hvis_shared_put ring_hook_put
