"""How gradients are cut into messages; the emulator sends each by itself and checks the cut."""
from emulated_npu.errors import EmulatorError


def set_split_strategy_by_size(dataSizeList, group='hccl_world_group'):
    if not 0 < len(dataSizeList) <= 8 or abs(sum(dataSizeList) - 100) > 1e-6:
        raise EmulatorError('set_split_strategy_by_size(%s): needs up to 8 percentages that make '
                            '100' % dataSizeList)


def set_split_strategy_by_idx(idxList, group='hccl_world_group'):
    if not 0 < len(idxList) <= 8 or sorted(set(idxList)) != list(idxList):
        raise EmulatorError('set_split_strategy_by_idx(%s): needs up to 8 rising indices' % idxList)
