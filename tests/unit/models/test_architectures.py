"""Architectures by name, with the normalisation inside."""

import pytest
import torch
from torch import nn

from core.datasets import Dataset, Split
from core.models.architectures import Normalised, check, create, numbered
from core.models.smp import _without_idle


def size(model):
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("architecture", "millions"),
    [("resnet20", 0.27), ("resnet20/16", 0.27), ("resnet20/64", 4.3), ("resnet56", 0.85), ("resnet110", 1.7)],
)
def test_sizes_are_those_of_the_papers(architecture, millions):
    assert size(create(architecture, 10)) / 1e6 == pytest.approx(millions, rel=0.1)


@pytest.mark.parametrize(("architecture", "side"), [("resnet8/8", 32), ("resnet20/16", 12), ("resnet8/8", 47)])
def test_any_size_of_image_gives_logits(architecture, side):
    assert create(architecture, 7).eval()(torch.rand(2, 3, side, side)).shape == (2, 7)


@pytest.mark.parametrize("depth", [8, 20, 44])
def test_a_resnet_has_as_many_layers_with_weights_as_its_name_says_and_three_widths(depth):
    network = create(f"resnet{depth}/8", 10)
    trunk = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(trunk) + 1 == depth
    assert sorted({m.out_channels for m in trunk}) == [8, 16, 32]


def test_normalisation_is_inside_and_travels_with_the_weights():
    model = Normalised(nn.Identity(), (0.5, 0.25, 0.0), (0.5, 0.25, 1.0))
    images = torch.tensor([1.0, 0.5, 0.5]).reshape(1, 3, 1, 1)
    assert model(images).flatten().tolist() == [1.0, 1.0, 0.5]
    assert list(model.state_dict()) == ["mean", "std"]
    assert not list(model.parameters())


@pytest.mark.parametrize(
    ("mean", "std", "says"),
    [
        ((124.0, 116.0, 104.0), (0.2,) * 3, "mean takes .*124, 116, 104 were given; .*by 255: 0.4863, 0.4549, 0.4078"),
        ((0.5,) * 3, (58.395, 57.12, 57.375), "std takes .* divide by 255: 0.229, 0.224, 0.225"),
        (
            (0.5,) * 3,
            (0.2, 0.2, 0.0),
            "std takes numbers above 0 and up to 1, one a channel, and 0.2, 0.2, 0 were given",
        ),
        ((float("nan"), 0.5, 0.5), (0.2,) * 3, "mean takes numbers from 0 to 1, .* and nan, 0.5, 0.5 were given.$"),
        ((-0.1, 0.5, 0.5), (0.2,) * 3, "mean takes numbers from 0 to 1, .* and -0.1, 0.5, 0.5 were given.$"),
        ((0.5,) * 3, (float("inf"),) * 3, "std takes numbers above 0 and up to 1, .* inf, inf, inf were given.$"),
    ],
)
def test_images_are_normalised_in_their_own_unit(mean, std, says):
    with pytest.raises(ValueError, match=says):
        create("resnet8/8", 4, mean, std)


class TestNumbered:
    """A data set is brought to the order of a model's classes, with its labels and colours."""

    def data(self, classes, pixels=False):
        labels = torch.arange(len(classes))
        if pixels:
            labels = torch.cat([labels, torch.tensor([255])]).to(torch.uint8)[None, None]
        width = labels.shape[-1] if pixels else 1
        split = Split(torch.zeros(len(labels), 3, 1, width, dtype=torch.uint8), labels)
        task, palette = (
            ("segmentation", tuple((n, n, n) for n in range(len(classes)))) if pixels else ("classification", ())
        )
        return Dataset(
            "birds", "", task, tuple(classes), (1, width), "", lambda name, n=None: split.first(n or 1), palette=palette
        )

    def test_equal_names_change_nothing(self):
        data = self.data("abc")
        assert numbered(data, list("abc"), "m") is data

    def test_labels_follow_the_model(self):
        found = numbered(self.data("abc"), "cab", "m")
        assert found.classes == ("c", "a", "b")
        assert found.split("test", 3).labels.tolist() == [1, 2, 0]
        assert len(found.split("test", 2)) == 2

    def test_more_classes_than_bytes_have(self):
        names = [f"{number:03d}" for number in range(300)]
        found = numbered(self.data(names), names[::-1], "m")
        assert found.split("test", 300).labels.tolist() == list(range(299, -1, -1))

    def test_pixels_without_a_class_stay_so_and_colours_follow(self):
        found = numbered(self.data("abc", pixels=True), "cab", "m")
        labels = found.split("test").labels
        assert labels.flatten().tolist() == [1, 2, 0, 255]
        assert labels.dtype == torch.uint8
        assert [colour[0] for colour in found.palette] == [2, 0, 1]
        assert found.palette[labels[0, 0, 0]] == (0, 0, 0)

    @pytest.mark.parametrize(
        ("classes", "more", "says"),
        [
            ("abd", False, "birds has other classes than m: only m has d; only birds has c. If they mean the same"),
            ("abcd", False, "than m: only m has d. If"),
            ("ab", True, "than m: only birds has c. If"),
            ("abca", True, "than m: some names stand twice. If"),
            ("aba", False, "than m: only birds has c. If"),
        ],
    )
    def test_other_names_are_shown(self, classes, more, says):
        with pytest.raises(ValueError, match=says):
            numbered(self.data("abc"), classes, "m", more)

    def test_only_a_classifier_may_know_more(self):
        assert numbered(self.data("abc"), "xabc", "m", more=True).split("test", 3).labels.tolist() == [1, 2, 3]
        with pytest.raises(ValueError, match="only m has x"):
            numbered(self.data("abc", pixels=True), "xabc", "m", more=True)

    def test_pixels_have_at_most_255_classes(self):
        with pytest.raises(ValueError, match="Pixels have at most 255 classes, and birds has 256"):
            check(nn.Identity(), self.data([str(number) for number in range(256)], pixels=True), "m")


@pytest.mark.parametrize(
    ("architecture", "says"),
    [
        ("vgg16", "no architecture named 'vgg16'; known are .*resnet20, .*smp"),
        ("", "no architecture named ''"),
        ("resnet20/0", "multiple of 8 from 8 to 256, and '0' was given"),
        ("resnet20/12", "'12' was given"),
        ("resnet20/264", "'264' was given"),
        ("resnet20/-4", "'-4' was given"),
        ("resnet20/wide", "'wide' was given"),
        ("resnet20/1.5", "'1.5' was given"),
        ("smp:Net/resnet18", "smp knows the architectures Unet, .*PSPNet.* and 'Net' was given"),
        ("smp:PSPNet/resnet19", "cannot build PSPNet on the encoder 'resnet19'"),
    ],
)
def test_bad_names_are_named(architecture, says):
    with pytest.raises(ValueError, match=says):
        create(architecture, 10)


@pytest.fixture(scope="module")
def pspnet():
    return create("smp:PSPNet/resnet18", 11).eval()


def test_a_segmenter_holds_only_the_parameters_in_use(pspnet):
    assert size(pspnet) == pytest.approx(0.88e6, rel=0.01)
    assert all(parameter.grad is None and parameter.requires_grad for parameter in pspnet.parameters())
    assert not any(name.startswith("network.network.encoder.layer3") for name in pspnet.state_dict())


@pytest.mark.parametrize(("height", "width"), [(48, 64), (33, 47), (61, 24)])
def test_a_segmenter_labels_pixels_at_any_size(pspnet, height, width):
    images = torch.rand(2, 3, height, width)
    logits = pspnet(images)
    assert logits.shape == (2, 11, height, width)
    larger = pspnet(torch.nn.functional.pad(images, (0, -width % 8, 0, -height % 8), mode="replicate"))
    assert torch.allclose(logits, larger[..., :height, :width], atol=1e-5)


def test_leaving_out_what_is_idle_changes_no_logits():
    import segmentation_models_pytorch as library

    whole = library.create_model("unet", "resnet18", None, 3, 5, encoder_depth=3, decoder_channels=(32, 16, 8)).eval()
    images = torch.rand(1, 3, 64, 64)
    before, weights = whole(images), size(whole)
    pruned = _without_idle(whole).eval()
    assert size(pruned) < weights
    assert torch.equal(pruned(images), before)


def test_other_segmenters_are_built_by_name_and_pretrained_weights_only_where_there_are_some():
    logits = create("smp:Linknet/mobilenet_v2", 4).eval()(torch.rand(1, 3, 40, 56))
    assert logits.shape == (1, 4, 40, 56)
    with pytest.raises(ValueError, match="no imagenet weights for resnet20"):
        create("resnet20", 4, weights="imagenet")


def test_weights_of_timm_that_cannot_be_fetched_are_named(monkeypatch):
    import timm

    def unreachable(*args, **kwargs):
        raise ConnectionError("no route")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(ValueError, match=r"imagenet weights of resnet10t could not be fetched; .* no route"):
        create("timm:resnet10t", 4, weights="imagenet")
