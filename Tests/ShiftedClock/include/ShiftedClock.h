// What is in this library a program calls without knowing it.
