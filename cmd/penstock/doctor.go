// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/penstock-io/penstock/worker"
)

// errUnhealthy ends the command with code 1 once everything has been said.
var errUnhealthy = errors.New("the worker should not join this cluster yet")

func doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor WORKER.properties",
		Short: "Look at the Connect cluster that a worker would join: plugins, topics, rights, members; changes nothing",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := worker.LoadDistributedConfig(args[0])
			if err != nil {
				return err
			}
			d, err := worker.Diagnose(cmd.Context(), cfg, newQuietLogger(os.Stderr))
			if err != nil {
				return err
			}
			if asJSON {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetEscapeHTML(false)
				e.SetIndent("", "  ")
				err = e.Encode(d)
			} else {
				err = d.WriteText(cmd.OutOrStdout())
			}
			if err == nil && !d.OK {
				return errUnhealthy
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "for programs")
	return c
}
