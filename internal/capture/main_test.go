package capture

import (
	"os"
	"testing"

	"github.com/stele-log/stele/internal/capture/helper"
)

func TestMain(m *testing.M) {
	helper.Main(Helpers())
	os.Exit(m.Run())
}
