/* The emulator's board: four registers of 32 bits, where a microcontroller has its peripherals. */
#include "board.h"

typedef struct {
    uint32_t status; /* read */
    int32_t sample;  /* read: takes the next word */
    int32_t index;   /* write */
    int32_t score;   /* write */
} board_registers;

static volatile board_registers *const board = (volatile board_registers *)0x40000000u;

int board_status(void) { return (int)board->status; }

int32_t board_read(void) { return board->sample; }

void board_write_class(int32_t index) { board->index = index; }

void board_write_score(int32_t score) { board->score = score; }
