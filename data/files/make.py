"""Draws the pictures of this folder: four landscapes out of noise, each a different light.

    pip install numpy pillow
    python3 make.py

The pictures are committed, so nobody needs to run it. Their content is the same for the same seed; their bytes follow
from the version of the JPEG encoder.
"""

import numpy
from PIL import Image

WIDTH, HEIGHT = 1280, 853

#        file               seed   sky above     sky below      far hill       near hill     sun         quality
LIGHTS = [
    ("ferry-dawn.jpg", 11, (38, 52, 104), (255, 178, 122), (142, 120, 150), (30, 24, 44), (0.28, 0.52), 91),
    ("ferry-noon.jpg", 23, (48, 120, 200), (206, 230, 246), (128, 162, 170), (26, 66, 52), (0.70, 0.16), 90),
    ("ferry-dusk.jpg", 37, (28, 18, 58), (236, 96, 84), (116, 66, 104), (16, 10, 26), (0.62, 0.55), 91),
    ("ferry-night.jpg", 41, (6, 10, 28), (34, 58, 96), (26, 40, 66), (4, 8, 16), (0.80, 0.22), 90),
]


def noise(random, length, roughness):
    """A line of fractal noise between -1 and 1."""
    total = numpy.zeros(length)
    weight, step = 1.0, length
    while step > 1:
        knots = random.uniform(-1, 1, length // step + 3)
        total += weight * numpy.interp(numpy.arange(length) / step, numpy.arange(len(knots)), knots)
        weight, step = weight * roughness, step // 2
    return total / numpy.abs(total).max()


def blend(a, b, share):
    return numpy.asarray(a) * (1 - share) + numpy.asarray(b) * share


def picture(seed, above, below, far, near, sun):
    random = numpy.random.default_rng(seed)
    rows = numpy.linspace(0, 1, HEIGHT)[:, None, None]
    image = blend(above, below, numpy.clip(rows / 0.66, 0, 1)) * numpy.ones((1, WIDTH, 1))
    across, down = numpy.meshgrid(numpy.arange(WIDTH) / WIDTH, numpy.arange(HEIGHT) / HEIGHT)
    distance = numpy.hypot((across - sun[0]) * WIDTH / HEIGHT, down - sun[1])
    glow = numpy.exp(-distance * 7)[:, :, None] * 0.6 + (distance < 0.045)[:, :, None] * 0.7
    image = blend(image, (255, 244, 214), numpy.clip(glow, 0, 1))
    # The last row of sky above the water mirrors: hills first, from far to near.
    horizon = int(HEIGHT * 0.66)
    for hill in range(6):
        share = hill / 5
        top = horizon - (0.30 - 0.045 * hill) * HEIGHT * (0.55 + 0.45 * noise(random, WIDTH, 0.52))
        inside = numpy.arange(HEIGHT)[:, None] > top[None, :]
        image[inside] = blend(far, near, share)
    water = image[:horizon][::-1][: HEIGHT - horizon]
    ripples = numpy.array([noise(random, WIDTH, 0.75) for _ in range(HEIGHT - horizon)])
    shift = (ripples * numpy.linspace(2, 26, HEIGHT - horizon)[:, None]).astype(int)
    columns = numpy.clip(numpy.arange(WIDTH)[None, :] + shift, 0, WIDTH - 1)
    mirrored = water[numpy.arange(HEIGHT - horizon)[:, None], columns]
    image[horizon:] = blend(mirrored, near, 0.35) + ripples[:, :, None] * 9
    grain = random.normal(0, 4.5, (HEIGHT, WIDTH, 1))
    return Image.fromarray(numpy.clip(image + grain, 0, 255).astype(numpy.uint8))


for name, seed, above, below, far, near, sun, quality in LIGHTS:
    picture(seed, above, below, far, near, sun).save(name, quality=quality, optimize=True)
