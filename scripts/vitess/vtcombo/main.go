// vtcombo as Vitess has it, with one more vindex: as of an organisation that compiled its own into its vtgate.
package main

import (
	"fmt"
	"os"

	"vitess.io/vitess/go/cmd/vtcombo/cli"
	"vitess.io/vitess/go/vt/utils"
)

func main() {
	cli.Main.SetGlobalNormalizationFunc(utils.NormalizeUnderscoresToDashes)
	if err := cli.Main.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
