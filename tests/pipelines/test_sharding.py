"""Sharded weights in one process, which is a mesh too; test_real_processes has two."""

import pytest
import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from muze.pipelines.sharding import AT_ONCE, clip_shards, groups


@pytest.fixture
def mesh(tmp_path):
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield init_device_mesh("cpu", (1,))
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("largest", [0.5, 1e6])
def test_shards_are_clipped_as_whole_weights_are(mesh, largest):
    grads = [torch.arange(6.0).reshape(3, 2), torch.tensor([[-2.0]]), torch.tensor(3.0)]
    plain = [nn.Parameter(torch.zeros_like(grad)) for grad in grads]
    mixed = [*(nn.Parameter(distribute_tensor(each.detach(), mesh, [Shard(0)]))
               for each in plain[:2]), nn.Parameter(torch.tensor(0.0))]  # fmt: skip
    for one, two, grad in zip(plain, mixed, grads, strict=True):
        one.grad = grad.clone()
        two.grad = distribute_tensor(grad.clone(), mesh, [Shard(0)]) if grad.ndim else grad.clone()
    unused = nn.Parameter(torch.zeros(1))
    norm = clip_shards([*mixed, unused], largest)
    torch.testing.assert_close(norm, nn.utils.clip_grad_norm_(plain, largest))
    for one, two in zip(plain, mixed, strict=True):
        whole = two.grad.full_tensor() if two.grad.ndim else two.grad
        torch.testing.assert_close(whole, one.grad)


def test_groups_have_all_weights_in_their_order():
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2 * AT_ONCE + 1)]
    found = groups(weights)
    assert [len(group["params"]) for group in found] == [AT_ONCE, AT_ONCE, 1]
    flat = [weight for group in found for weight in group["params"]]
    assert all(one is two for one, two in zip(flat, weights, strict=True))
