package reach

import (
	"os"
	"testing"

	"github.com/stele-log/stele/internal/capture/helper"
)

func TestMain(m *testing.M) {
	helper.Main(map[string]helper.Task{Task: Serve})
	os.Exit(m.Run())
}
