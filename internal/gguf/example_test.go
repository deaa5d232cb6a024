package gguf_test

import (
	"bytes"
	"fmt"
	"log"

	"github.com/wattlaw/wattlaw/internal/gguf"
	"github.com/wattlaw/wattlaw/internal/tensor"
)

func Example() {
	row := make([]byte, 8)
	if err := tensor.Quantize(row, tensor.F32, []float32{1.5, -2}); err != nil {
		log.Fatal(err)
	}
	w := gguf.NewWriter()
	if err := w.Set("general.architecture", gguf.ValueOf("llama")); err != nil {
		log.Fatal(err)
	}
	if err := w.Add("output_norm.weight", tensor.F32, []int{2}, gguf.Bytes(row)); err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer
	if err := w.Write(&file); err != nil {
		log.Fatal(err)
	}

	f, err := gguf.Parse(file.Bytes(), "tiny.gguf")
	if err != nil {
		log.Fatal(err)
	}
	arch, _ := f.String("general.architecture")
	norm, _ := f.Tensor("output_norm.weight")
	values := make([]float32, norm.Elements())
	if err := tensor.Dequantize(values, norm.DType, f.Data(norm)); err != nil {
		log.Fatal(err)
	}
	fmt.Println(arch, norm.DType, norm.Shape, values)
	// Output: llama F32 [2] [1.5 -2]
}
