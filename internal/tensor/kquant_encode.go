package tensor

// superBlocks joins a fit and a packing of super-blocks.
func superBlocks(fit func(b *superBlock, x, w []float32) bool, pack func(dst []byte, b *superBlock)) blockFit {
	var b superBlock
	return func(dst []byte, x, w []float32) bool {
		if !fit(&b, x, w) {
			return false
		}
		clear(dst)
		pack(dst, &b)
		return true
	}
}

func q2KFit() blockFit {
	f := affineFormat{size: 16, top: 3, scaleTop: 15, starts: []float32{3, 2.2, 2.6, 3.4, 3.8, 4.4}}
	return superBlocks(f.fit, packQ2K)
}

func q3KFit() blockFit {
	f := signedFormat{lo: -4, hi: 3, scaleLo: -32, scaleHi: 31, sums: wholeLevels(-4, 3),
		starts: []float32{-3.9, -5.5, -4.9, -4.5, -4.2, -3.6, -3.2, 2.6, 3, 3.3, 3.6, 4.2}}
	return superBlocks(f.fit, packQ3K)
}

func q4KFit() blockFit {
	f := affineFormat{size: 32, top: 15, scaleTop: 63, starts: []float32{15, 13.6, 14.2, 14.6, 15.4, 15.8, 16.4, 17.2}}
	return superBlocks(f.fit, packQ4K)
}

func q5KFit() blockFit {
	f := affineFormat{size: 32, top: 31, scaleTop: 63, starts: []float32{31, 29.6, 30.2, 30.6, 31.4, 31.8, 32.4, 33.2}}
	return superBlocks(f.fit, packQ5K)
}

func q6KFit() blockFit {
	f := signedFormat{lo: -32, hi: 31, scaleLo: -128, scaleHi: 127, sums: wholeLevels(-32, 31),
		starts: []float32{-32, -32.8, -32.4, -31.6, -31.2, 30.4, 30.8, 31.2}}
	return superBlocks(f.fit, packQ6K)
}

// packQ2K writes what decodeQ2K reads.
func packQ2K(dst []byte, b *superBlock) {
	putHalf(dst[80:], b.d)
	putHalf(dst[82:], b.dmin)
	for k := range 16 {
		dst[k] = byte(b.scales[k] | b.minima[k]<<4)
		packBits(dst[16+k/8*32+k%2*16:], b.codes[16*k:16*k+16], k/2%4*2)
	}
}

// packQ3K writes what decodeQ3K reads.
func packQ3K(dst []byte, b *superBlock) {
	putHalf(dst[108:], b.d)
	for k := range 16 {
		s := byte(b.scales[k] + 32)
		dst[96+k%8] |= s & 15 << (k / 8 * 4)
		dst[104+k%4] |= s >> 4 << (k / 4 * 2)
		for l, q := range b.codes[16*k : 16*k+16] {
			dst[k%2*16+l] |= q >> 2 << (k / 2)
			dst[32+k/8*32+k%2*16+l] |= q & 3 << (k / 2 % 4 * 2)
		}
	}
}

// packQ4K writes what decodeQ4K reads.
func packQ4K(dst []byte, b *superBlock) {
	putHalf(dst, b.d)
	putHalf(dst[2:], b.dmin)
	putScaleMins((*[12]byte)(dst[4:]), b)
	for k := range 8 {
		packBits(dst[16+k/2*32:], b.codes[32*k:32*k+32], k%2*4)
	}
}

// packQ5K writes what decodeQ5K reads.
func packQ5K(dst []byte, b *superBlock) {
	putHalf(dst, b.d)
	putHalf(dst[2:], b.dmin)
	putScaleMins((*[12]byte)(dst[4:]), b)
	for k := range 8 {
		for l, q := range b.codes[32*k : 32*k+32] {
			dst[16+l] |= q >> 4 << k
			dst[48+k/2*32+l] |= q & 15 << (k % 2 * 4)
		}
	}
}

// packQ6K writes what decodeQ6K reads.
func packQ6K(dst []byte, b *superBlock) {
	putHalf(dst[208:], b.d)
	for k := range 16 {
		dst[192+k] = byte(b.scales[k])
		part := k % 8 / 2
		for l, q := range b.codes[16*k : 16*k+16] {
			dst[k/8*64+part%2*32+k%2*16+l] |= q & 15 << (part / 2 * 4)
			dst[128+k/8*32+k%2*16+l] |= q >> 4 << (part * 2)
		}
	}
}

// packBits or's codes, shifted, into as many bytes.
func packBits(dst, codes []byte, shift int) {
	for l, q := range codes {
		dst[l] |= q << shift
	}
}

// putScaleMins packs what scaleMin unpacks; all values are below 64.
func putScaleMins(p *[12]byte, b *superBlock) {
	for k := range 4 {
		low, high := byte(b.scales[k]), byte(b.scales[k+4])
		lowMin, highMin := byte(b.minima[k]), byte(b.minima[k+4])
		p[k] = low | high>>4<<6
		p[k+4] = lowMin | highMin>>4<<6
		p[k+8] = high&15 | highMin<<4
	}
}

func abs(v float32) float32 {
	if v < 0 {
		return -v
	}
	return v
}
