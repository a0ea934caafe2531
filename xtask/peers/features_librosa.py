"""librosa's features of a piece, to measure Lumawire's against.

Reads commands from its input, a line each:

    sound RATE PATH   takes the sound, raw f32 in one channel; answers "ready"
    NAME              computes a feature; answers its time in s

Every feature starts at the samples, but for the parts of `full_set`, which share what they can.
"""

import sys
import time

import librosa
import numpy as np


def full_set(y, sr):
    spectrum = librosa.stft(y)
    power = np.abs(spectrum) ** 2
    chroma = librosa.feature.chroma_stft(S=power, sr=sr)
    mel = librosa.feature.melspectrogram(S=power, sr=sr)
    strength = librosa.onset.onset_strength(S=librosa.power_to_db(mel), sr=sr)
    parts = librosa.decompose.hpss(spectrum)
    return chroma, mel, strength, parts, librosa.feature.rms(y=y)


C2, C7 = librosa.note_to_hz("C2"), librosa.note_to_hz("C7")

FEATURES = {
    "stft": lambda y, sr: librosa.stft(y),
    "mel": lambda y, sr: librosa.feature.melspectrogram(y=y, sr=sr),
    "mfcc": lambda y, sr: librosa.feature.mfcc(y=y, sr=sr),
    "chroma_stft": lambda y, sr: librosa.feature.chroma_stft(y=y, sr=sr),
    "onset_strength": lambda y, sr: librosa.onset.onset_strength(y=y, sr=sr),
    "rms": lambda y, sr: librosa.feature.rms(y=y),
    "spectral_centroid": lambda y, sr: librosa.feature.spectral_centroid(y=y, sr=sr),
    "spectral_contrast": lambda y, sr: librosa.feature.spectral_contrast(y=y, sr=sr),
    "cqt": lambda y, sr: librosa.cqt(y, sr=sr),
    "chroma_cens": lambda y, sr: librosa.feature.chroma_cens(y=y, sr=sr),
    "beat_track": lambda y, sr: librosa.beat.beat_track(y=y, sr=sr),
    "hpss": lambda y, sr: librosa.decompose.hpss(librosa.stft(y)),
    "pyin": lambda y, sr: librosa.pyin(y, fmin=C2, fmax=C7, sr=sr),
    "full_set": full_set,
}


def main():
    sound, rate_hz, warm = None, 0, set()
    for line in sys.stdin:
        command, *rest = line.split(maxsplit=2)
        if command == "sound":
            rate_hz, sound = int(rest[0]), np.fromfile(rest[1].strip(), "<f4")
            answer = "ready"
        else:
            compute = FEATURES[command]
            if command not in warm:
                # Code is compiled at the first call.
                compute(sound[: 5 * rate_hz], rate_hz)
                warm.add(command)
            start = time.perf_counter()
            compute(sound, rate_hz)
            answer = str(time.perf_counter() - start)
        print(answer, flush=True)


main()
