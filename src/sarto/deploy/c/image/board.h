/* What the example needs of a board. Replace board.c by your drivers; main.c and model.c stay as they are. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

enum { BOARD_IDLE = 0, BOARD_SAMPLE = 1, BOARD_END = 2 };

/* BOARD_SAMPLE: a sample of every channel waits. BOARD_END: the sequence has ended. BOARD_IDLE: neither. */
int board_status(void);

/* The next word of the waiting sample, channel by channel, as the sensor delivers it. */
int32_t board_read(void);

/* A result: the class, then its scores, in the order of the classes. */
void board_write_class(int32_t index);
void board_write_score(int32_t score);

#endif
