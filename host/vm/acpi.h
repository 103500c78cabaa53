/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ACPI tables of the machine: RSDP, XSDT, FADT, FACS, MADT built here, the DSDT compiled from
 * dsdt.asl. Written into a buffer; where it goes in guest memory is boot.c's business.
 */
#pragma once

#include <glib.h>

#define ACPI_AREA_GPA G_GUINT64_CONSTANT(0xe0000) /* where Linux looks for the RSDP */
#define ACPI_AREA_SIZE 0x4000u
#define ACPI_IOAPIC_GPA 0xfec00000u
#define ACPI_LAPIC_GPA 0xfee00000u
#define ACPI_SCI 9u

/*
 * Fill @area, @size zeroed bytes that the guest will see at @gpa, for @cpus processors with APIC
 * ids from 0 on. The RSDP comes first. FALSE with @error where they do not fit.
 */
gboolean acpi_build(guint8 *area, gsize size, guint64 gpa, guint cpus, GError **error);

/* What makes the sum of @len bytes zero. */
guint8 acpi_checksum(const void *bytes, gsize len);
