// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package main

import "os/exec"

// detach does nothing: there are no sessions to leave.
func detach(*exec.Cmd) {}
