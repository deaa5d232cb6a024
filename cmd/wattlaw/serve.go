package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wattlaw/wattlaw/internal/engine"
	"github.com/wattlaw/wattlaw/internal/engine/serve"
)

func newServeCmd() *cobra.Command {
	var f modelFlags
	var c serve.Config
	var parentPipe bool
	cmd := &cobra.Command{
		Use:   "serve -m MODEL",
		Short: "Serve a model over HTTP in the form of the OpenAI API",
		Long: `Serve one model: /v1/completions and /v1/chat/completions with streaming, /v1/models, /tokenize,
/detokenize, /health. Requests are answered one at a time.

A model with an encoder takes images as data URLs: in chats as parts of type "image_url", in
completions as "images" beside a prompt with a marker <image>, or the id -1, for each.

Extensions: "prompt" may be an array of token ids; "ignore_eos" runs to max_tokens; "top_k"; and
answers carry {"wattlaw": {"phases": […], "token_times_ns": […], "images": […]}}, times on the
machine's monotonic clock.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.checkVision(); err != nil {
				return err
			}
			c.Model, c.Engine = f.model, f.opt
			if parentPipe {
				c.Parent, c.Ready = cmd.InOrStdin(), cmd.OutOrStdout()
			} else {
				c.Listening = func(info engine.Info, address string) {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s on http://%s (%s, %d threads, context %d)\n",
						info.Name, address, info.Kernel, info.Threads, info.Context)
				}
			}
			return serve.Run(cmd.Context(), c)
		},
	}
	f.register(cmd)
	f.registerVision(cmd)
	flags := cmd.Flags()
	flags.StringVar(&c.Host, "host", "127.0.0.1", "address to listen on; there is no access control")
	flags.IntVar(&c.Port, "port", 8080, "port to listen on; 0 lets the system choose")
	flags.Uint64Var(&f.opt.Seed, "seed", 0, "seed of a shape model's weights")
	flags.BoolVar(&parentPipe, "parent-pipe", false, "print the address as JSON, and end when standard input does")
	return cmd
}
