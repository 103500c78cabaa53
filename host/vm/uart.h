/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A 16550A as software sees it. No descriptors, no threads: bytes go out through @sent, come in
 * through uart_receive(), and @line follows the interrupt output. The caller locks.
 */
#pragma once

#include <glib.h>

#define UART_PORTS 8u
#define UART_RX_SIZE 4096u /* deeper than the chip's 16: the driver reads until it is empty */

enum {
	UART_DATA = 0, /* and divisor latch, low */
	UART_IER = 1, /* and divisor latch, high */
	UART_IIR = 2, /* FCR when written */
	UART_LCR = 3,
	UART_MCR = 4,
	UART_LSR = 5,
	UART_MSR = 6,
	UART_SCRATCH = 7,
};

#define UART_IER_RX 0x01u
#define UART_IER_THRE 0x02u
#define UART_IER_LINE 0x04u
#define UART_IIR_NONE 0x01u
#define UART_IIR_THRE 0x02u
#define UART_IIR_RX 0x04u
#define UART_IIR_LINE 0x06u
#define UART_IIR_FIFOS 0xc0u
#define UART_FCR_ENABLE 0x01u
#define UART_FCR_CLEAR_RX 0x02u
#define UART_LCR_DLAB 0x80u
#define UART_MCR_RTS 0x02u
#define UART_MCR_OUT2 0x08u
#define UART_MCR_LOOP 0x10u
#define UART_LSR_DATA 0x01u
#define UART_LSR_OVERRUN 0x02u
#define UART_LSR_THRE 0x20u
#define UART_LSR_EMPTY 0x40u

typedef struct {
	void (*sent)(gpointer data, guint8 byte);
	void (*line)(gpointer data, gboolean level); /* only when it changes */
} UartOps;

typedef struct {
	const UartOps *ops;
	gpointer data;
	guint8 ier, fcr, lcr, mcr, scratch, divisor[2];
	gboolean overrun;
	gboolean blocked; /* the far end takes no more bytes: THRE is clear */
	gboolean thre_pending; /* the interrupt, cleared by reading IIR */
	gboolean level;
	guint8 rx[UART_RX_SIZE];
	guint rx_head, rx_count;
} Uart;

void uart_init(Uart *uart, const UartOps *ops, gpointer data);
guint8 uart_read(Uart *uart, guint reg);
void uart_write(Uart *uart, guint reg, guint8 value);

/*
 * How many bytes the far end may send now. None while RTS is low: the driver raises it when it has
 * opened the port, after it has emptied the FIFO.
 */
guint uart_room(const Uart *uart);
void uart_receive(Uart *uart, const guint8 *bytes, gsize len);
/* The far end is full, or takes bytes again. */
void uart_set_blocked(Uart *uart, gboolean blocked);
