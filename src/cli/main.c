/* The program: finds the command and hands over. */
#include <stdio.h>

#include "reshift/status.h"

int main(void)
{
    printf("reshift %s\n", reshift_version());
    return 0;
}
