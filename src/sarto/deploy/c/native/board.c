/* A board that is a terminal: a line of words for each sample, an empty line after each sequence, and a line with the
   class and the scores, or the predicted numbers, for each result. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "model.h"

static int32_t words[MODEL_CHANNELS];
static int taken, written, samples;

static void refuse(long line)
{
    fprintf(stderr, "line %ld: %d raw words are needed, one for each channel\n", line, MODEL_CHANNELS);
    exit(2);
}

/* Reads a line into `words`; returns how many there are, -1 at the end of the input. */
static int read_line(void)
{
    static char line[24 * MODEL_CHANNELS + 64];
    static long number;
    int count = 0;
    if (!fgets(line, sizeof line, stdin))
        return -1;
    number++;
    if (!strchr(line, '\n') && !feof(stdin))
        refuse(number);
    for (char *at = line, *end;; at = end) {
        while (isspace((unsigned char)*at) || *at == ',')
            at++;
        if (!*at)
            break;
        const long word = strtol(at, &end, 10);
        if (end == at || count == MODEL_CHANNELS || word != (model_sample)word)
            refuse(number);
        words[count++] = (int32_t)word;
    }
    if (count && count < MODEL_CHANNELS)
        refuse(number);
    return count;
}

int board_status(void)
{
    const int count = read_line();
    if (count > 0) {
        taken = 0;
        samples++;
        return BOARD_SAMPLE;
    }
    if (count < 0 && !samples)
        exit(0);
    const int ended = samples > 0;
    samples = 0;
    return ended ? BOARD_END : BOARD_IDLE;
}

int32_t board_read(void) { return words[taken++]; }

void board_write_class(int32_t index)
{
    written = 0;
    printf("%" PRId32, index);
}

void board_write_score(int32_t score)
{
    printf(" %" PRId32, score);
    if (++written == MODEL_OUTPUTS)
        putchar('\n');
}
