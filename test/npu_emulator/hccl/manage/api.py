from emulated_npu.ranks import create_group, get_rank_id, get_rank_size  # noqa: F401
