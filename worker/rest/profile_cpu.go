// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime/pprof"
	"time"
)

// cpuProfile takes a CPU profile of the process and keeps the samples of one connector.
func cpuProfile(ctx context.Context, connector string, d time.Duration) ([]byte, error) {
	var raw bytes.Buffer
	if err := pprof.StartCPUProfile(&raw); err != nil {
		return nil, fmt.Errorf("a CPU profile is being taken already: %w", err)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	pprof.StopCPUProfile()
	z, err := gzip.NewReader(&raw)
	if err != nil {
		return nil, fmt.Errorf("read the CPU profile: %w", err)
	}
	all, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("read the CPU profile: %w", err)
	}
	kept, err := samplesOf(all, "connector", connector)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(kept) // into memory: it cannot fail, nor can Close
	_ = w.Close()
	return out.Bytes(), nil
}

// Fields of pprof's profile.proto that matter here.
const (
	profileSample = 2 // Profile.sample
	profileString = 6 // Profile.string_table
	sampleLabel   = 3 // Sample.label
	labelKey      = 1 // Label.key, an index of the string table
	labelStr      = 2 // Label.str, likewise
)

var errProfile = errors.New("the CPU profile cannot be read")

// samplesOf copies a profile without the samples that lack the label key=value. All else, which samples refer to, stays.
func samplesOf(profile []byte, key, value string) ([]byte, error) {
	keyAt, valueAt, index := uint64(0), uint64(0), uint64(0) // 0 is the empty string, which is neither
	err := protoFields(profile, func(field int, _ uint64, body, _ []byte) error {
		if field == profileString {
			switch string(body) {
			case key:
				keyAt = index
			case value:
				valueAt = index
			}
			index++
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if key == value {
		keyAt = valueAt
	}
	var out []byte
	err = protoFields(profile, func(field int, _ uint64, body, whole []byte) error {
		if field == profileSample {
			if has, err := hasLabel(body, keyAt, valueAt); err != nil || !has {
				return err
			}
		}
		out = append(out, whole...)
		return nil
	})
	return out, err
}

func hasLabel(sample []byte, keyAt, valueAt uint64) (has bool, err error) {
	err = protoFields(sample, func(field int, _ uint64, label, _ []byte) error {
		if field != sampleLabel {
			return nil
		}
		var k, v uint64
		err := protoFields(label, func(field int, n uint64, _, _ []byte) error {
			switch field {
			case labelKey:
				k = n
			case labelStr:
				v = n
			}
			return nil
		})
		has = has || k != 0 && k == keyAt && v == valueAt
		return err
	})
	return has, err
}

// protoFields calls f with each field of a message: a number, or a body of bytes; whole is the field as it is encoded.
func protoFields(message []byte, f func(field int, n uint64, body, whole []byte) error) error {
	for len(message) > 0 {
		tag, at := binary.Uvarint(message)
		if at <= 0 {
			return errProfile
		}
		var n uint64
		var body []byte
		switch tag & 7 {
		case 0: // varint
			var w int
			if n, w = binary.Uvarint(message[at:]); w <= 0 {
				return errProfile
			}
			at += w
		case 1, 5: // fixed
			at += map[uint64]int{1: 8, 5: 4}[tag&7]
		case 2: // bytes
			size, w := binary.Uvarint(message[at:])
			if w <= 0 || size > uint64(len(message)-at-w) {
				return errProfile
			}
			at += w
			body = message[at : at+int(size)]
			at += int(size)
		default:
			return errProfile
		}
		if at > len(message) {
			return errProfile
		}
		if err := f(int(tag>>3), n, body, message[:at]); err != nil {
			return err
		}
		message = message[at:]
	}
	return nil
}
