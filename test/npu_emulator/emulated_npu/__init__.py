"""What the emulator of the Ascend plug-in is made of; docs/npu.md says what it shows.

It is put on PYTHONPATH in place of the plug-in, and follows these variables of the environment:

NPU_EMULATOR_PROFILE: `2021` or `newer` (the default), the plug-in that is emulated.
NPU_EMULATOR_JOURNAL: a file that gets a line of JSON for each session, graph and exchange; with
    several ranks one file for each, ending in its rank.
NPU_EMULATOR_MAX_GRAPHS: how many graphs may be compiled in this process.
NPU_EMULATOR_OVERFLOWS: which reads of the status register report an overflow, such as `2,5`, or
    `2@1` for the second one of rank 1.
NPU_EMULATOR_TIMEOUT: seconds that a rank waits for the others, 60 if not set.
"""
