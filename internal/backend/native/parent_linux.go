package native

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the child when the starting thread ends
// (prctl(2), PR_SET_PDEATHSIG).
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
