/* An answer that was computed with a wrong bit is not given: whatever watches the program starts it again. */
static void guard_fault(void)
{
    for (;;) {
    }
}
