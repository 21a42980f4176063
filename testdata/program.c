#include <stdio.h>
int main(int count, char **words) { return printf("%s, %d words\n", words[0], count) < 0; }
