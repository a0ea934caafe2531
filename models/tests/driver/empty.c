// A library with the driver's name that has nothing of it.
int nothing_of_a_driver;
