"""What is said of a text by itself: its language, its mathematics, its answer, and the prompts that ask for one."""
